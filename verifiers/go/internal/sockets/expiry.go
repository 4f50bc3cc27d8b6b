package sockets

import (
	"math"
	"time"
)

// longestCheckMs: the service's time may change, so expiry is checked at least this often.
const longestCheckMs = 5_000

// expireAt puts the socket into the index of its expiry. The mutex is held.
func (g *Guard[Claims]) expireAt(held *Held[Claims], expires int64) {
	g.byExpiry.remove(held.identity.Expires, held)
	held.identity.Expires = expires
	g.byExpiry.add(expires, held)
	if float64(expires)*1000 < g.nextCheckMs {
		g.scheduleCheck()
	}
}

// scheduleCheck sets the timer for the next expiry. The mutex is held.
func (g *Guard[Claims]) scheduleCheck() {
	if g.timer != nil {
		g.timer.Stop()
	}
	g.nextCheckMs = math.Inf(1)
	if len(g.byExpiry) == 0 {
		return
	}
	now := g.source.NowMs()
	next := now + longestCheckMs
	for expires := range g.byExpiry {
		next = math.Min(next, float64(expires)*1000)
	}
	g.nextCheckMs = next
	delay := time.Duration(math.Max(1, math.Ceil(next-now))) * time.Millisecond
	g.timer = time.AfterFunc(delay, g.closeExpired)
}

func (g *Guard[Claims]) closeExpired() {
	now := g.source.NowMs()
	g.mutex.Lock()
	var expired []*Held[Claims]
	for expires := range g.byExpiry {
		if float64(expires)*1000 <= now {
			expired = append(expired, g.byExpiry.list(expires)...)
		}
	}
	g.mutex.Unlock()
	g.closeEach(expired, TokenExpired)
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.scheduleCheck()
}
