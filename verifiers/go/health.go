package chatauth

import (
	"errors"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Health is a snapshot of the verifier's state, for readiness checks and metrics. Counters start at 0 with the verifier.
type Health struct {
	// Fresh is true if keys are loaded and knowledge of ended sessions is at most MaxStaleness old.
	Fresh bool
	// Staleness is an upper bound of the age of that knowledge. Before the first snapshot it is the longest Duration.
	Staleness time.Duration
	// Connected is true while the revocation feed is open.
	Connected bool
	// Revoked is the number of ended sessions in memory.
	Revoked int
	// Outdated is the number of live sessions of which older tokens are refused.
	Outdated     int
	Keys         int
	CachedTokens int
	// Verified is the number of tokens that Verify accepted. CacheHits of them came from the cache.
	Verified, CacheHits uint64
	// Refused is the number of refusals by code.
	Refused        map[string]uint64
	FeedReconnects int64
	// Receipts reported to the service, dropped, and waiting to be sent.
	ReceiptsReported, ReceiptsDropped, ReceiptsWaiting int
	// Sockets is the number of sockets that are held.
	Sockets int
}

// Health returns the current state without I/O.
func (v *Verifier) Health() Health {
	ended, outdated := v.feed.Counts()
	receipts := v.receipts.Counts()
	return Health{
		Fresh:            v.feed.IsFresh(),
		Staleness:        durationOf(v.feed.StalenessMs()),
		Connected:        v.feed.Connected(),
		Revoked:          ended,
		Outdated:         outdated,
		Keys:             v.keys.Count(),
		CachedTokens:     v.checks.CachedCount(),
		Verified:         v.counts.verified.Load(),
		CacheHits:        v.counts.cacheHits.Load(),
		Refused:          v.counts.refusedByCode(),
		FeedReconnects:   v.feed.Reconnects(),
		ReceiptsReported: receipts.Reported,
		ReceiptsDropped:  receipts.Dropped,
		ReceiptsWaiting:  receipts.Waiting,
		Sockets:          v.guard.Len(),
	}
}

func durationOf(ms float64) time.Duration {
	if math.IsInf(ms, 1) {
		return math.MaxInt64
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// counts accepted and refused tokens.
type counts struct {
	verified, cacheHits atomic.Uint64
	mutex               sync.Mutex
	refused             map[string]uint64
}

func (c *counts) accept(isCacheHit bool) {
	c.verified.Add(1)
	if isCacheHit {
		c.cacheHits.Add(1)
	}
}

func (c *counts) refuse(err error) {
	var refused *TokenRefused
	if !errors.As(err, &refused) {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.refused == nil {
		c.refused = map[string]uint64{}
	}
	c.refused[refused.Code]++
}

func (c *counts) refusedByCode() map[string]uint64 {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return maps.Clone(c.refused)
}
