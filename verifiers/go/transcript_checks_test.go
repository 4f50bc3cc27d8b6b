//go:build go1.25

package chatauth_test

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
)

// check compares with everything that can be seen now.
func (p *player) check(s step) {
	p.Helper()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.seen.Lock()
	defer p.seen.Unlock()
	last := p.feeds[len(p.feeds)-1]
	connection := "open"
	if last.conn.client.isClosed.Load() {
		connection = "closed"
	}
	receipts := p.receipts
	if receipts == nil {
		receipts = []json.RawMessage{}
	}
	seen := map[string]any{
		"connection":    connection,
		"requests":      len(p.feeds),
		"ready":         p.ready,
		"session_ended": p.ended,
		"key_fetches":   p.keyFetches,
		"receipts":      receipts,
		"closed":        p.closed,
	}
	for name, got := range seen {
		if want, isThere := s.all[name]; isThere {
			p.assert(s, name, got, want)
		}
	}
	if s.Health != nil {
		p.checkHealth(s)
	}
	if s.Request != nil {
		p.checkRequest(s, last)
	}
}

func (p *player) checkHealth(s step) {
	p.Helper()
	health := p.verifier.Health()
	var staleness any
	if health.Staleness != math.MaxInt64 {
		staleness = float64(health.Staleness) / float64(time.Millisecond)
	}
	got := map[string]any{
		"fresh":        health.Fresh,
		"staleness_ms": staleness,
		"connected":    health.Connected,
		"revoked":      health.Revoked,
		"outdated":     health.Outdated,
	}
	for name, want := range s.Health {
		p.assert(s, name, got[name], want)
	}
}

// checkRequest: each request is in the transcript, and no other.
func (p *player) checkRequest(s step, last *feedRequest) {
	p.Helper()
	p.requests++
	p.assert(s, "requests", len(p.feeds), p.requests)
	var id *string
	if values := last.header.Values("Last-Event-ID"); len(values) > 0 {
		id = &values[0]
	}
	p.assert(s, "last_event_id", id, s.Request.LastEventID)
	p.assert(s, "authorization", last.header.Get("Authorization"), "Bearer "+serviceKey)
	p.assert(s, "prefer", last.header.Get("Prefer"), "snapshot=parts")
	p.assert(s, "accept", last.header.Get("Accept"), "text/event-stream")
}

func (p *player) assert(s step, what string, got, want any) {
	p.Helper()
	if a, b := canonical(p.T, got), canonical(p.T, want); a != b {
		p.Fatalf("at %d, %s: got %s, want %s", s.At, what, a, b)
	}
}

func (p *player) assertCalls(s step, got, want []call) {
	p.Helper()
	if len(got) != len(want) {
		p.Fatalf("at %d: got the calls %v, want %v", s.At, got, want)
	}
	for at := range want {
		var a, b bytes.Buffer
		_ = json.Compact(&a, []byte(got[at].body))
		_ = json.Compact(&b, []byte(want[at].body))
		if got[at].path != want[at].path || a.String() != b.String() {
			p.Fatalf("at %d: got the call %v, want %v", s.At, got[at], want[at])
		}
	}
}
