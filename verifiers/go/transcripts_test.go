//go:build go1.25

package chatauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

type transcriptSettings struct {
	MaxStalenessMs int64  `json:"max_staleness_ms"`
	WhenStale      string `json:"when_stale"`
	WallClock      int64  `json:"wall_clock"`
}

type transcriptVectors struct {
	transcriptSettings
	Issuer, Audience string
	JWKS             json.RawMessage
	Tokens           map[string]string
	Transcripts      []struct {
		transcriptSettings
		Name  string
		Steps []json.RawMessage
	}
}

// step is one step of a transcript. Pointers tell null from what is missing.
type step struct {
	At      int64
	Request *struct {
		LastEventID *string `json:"last_event_id"`
	}
	Response *struct {
		Status          int
		ContentType     string `json:"content_type"`
		ContentEncoding string `json:"content_encoding"`
		Body            json.RawMessage
	}
	Bytes, End, Connection, Ready string
	Base64                        []byte
	Requests, KeyFetches          *int `json:"-"`
	Verify, Result, Token         string
	Hold, Renew                   string
	Reason                        json.RawMessage
	Roles, SessionEnded           json.RawMessage `json:"-"`
	MaxAge                        int64           `json:"max_age"`
	AMR                           []string
	Introspection                 *struct {
		Status int
		Body   json.RawMessage
	}
	Health         map[string]any
	ReceiptsStatus int `json:"receipts_status"`
	Redeem         *struct{ Ticket, Origin string }
	Claims         json.RawMessage
	// all has every member, for those that are compared as they are.
	all map[string]json.RawMessage
}

func TestTheVerifierFollowsTheTranscripts(t *testing.T) {
	vectors := readVectors[transcriptVectors](t, "transcripts.json")
	for _, transcript := range vectors.Transcripts {
		settings := vectors.transcriptSettings
		if transcript.MaxStalenessMs != 0 {
			settings.MaxStalenessMs = transcript.MaxStalenessMs
		}
		if transcript.WhenStale != "" {
			settings.WhenStale = transcript.WhenStale
		}
		if transcript.WallClock != 0 {
			settings.WallClock = transcript.WallClock
		}
		t.Run(transcript.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlayer(t, vectors, settings)
				for _, text := range transcript.Steps {
					s := step{}
					if json.Unmarshal(text, &s) != nil || json.Unmarshal(text, &s.all) != nil {
						t.Fatalf("a step cannot be read: %s", text)
					}
					p.play(s)
				}
			})
		})
	}
}

// player plays a transcript against a new verifier.
type player struct {
	*testing.T
	*stage
	verifier *chatauth.Verifier
	tokens   map[string]string
	begin    time.Time
	requests int
	sockets  map[string]*chatauth.HeldSocket

	seen   sync.Mutex
	ended  []chatauth.SessionEnd
	closed map[string][2]any
	ready  string
}

func newPlayer(t *testing.T, vectors transcriptVectors, settings transcriptSettings) *player {
	p := &player{
		T: t, stage: newStage(t), tokens: vectors.Tokens, begin: time.Now(), ready: "waiting",
		ended: []chatauth.SessionEnd{}, closed: map[string][2]any{}, sockets: map[string]*chatauth.HeldSocket{},
	}
	p.keys = reply{200, string(vectors.JWKS)}
	wall := func() time.Time { return time.UnixMilli(settings.WallClock).Add(time.Since(p.begin)) }
	verifier, err := chatauth.New(t.Context(), p.options(chatauth.Options{
		Issuer:       vectors.Issuer,
		Audience:     vectors.Audience,
		MaxStaleness: time.Duration(settings.MaxStalenessMs) * time.Millisecond,
		WhenStale:    chatauth.WhenStale(settings.WhenStale),
	}, wall))
	if err != nil {
		t.Fatal(err)
	}
	p.verifier = verifier
	verifier.OnSessionEnded(func(end chatauth.SessionEnd) {
		p.seen.Lock()
		defer p.seen.Unlock()
		p.ended = append(p.ended, end)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 1000*time.Hour)
	go func() {
		err := verifier.Ready(ctx)
		p.seen.Lock()
		defer p.seen.Unlock()
		p.ready = map[bool]string{true: "ready", false: "failed"}[err == nil]
	}()
	t.Cleanup(func() {
		cancel()
		verifier.Close()
		for _, socket := range p.sockets {
			if socket != nil {
				socket.Release()
			}
		}
	})
	return p
}

func (p *player) play(s step) {
	p.Helper()
	time.Sleep(time.Until(p.begin.Add(time.Duration(s.At) * time.Millisecond)))
	synctest.Wait()
	p.act(s)
	p.call(s)
	synctest.Wait()
	p.check(s)
}

// act is what the service and the network do.
func (p *player) act(s step) {
	if s.Response != nil && s.Redeem == nil {
		p.command(func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", s.Response.ContentType)
			if s.Response.ContentEncoding != "" {
				w.Header().Set("Content-Encoding", s.Response.ContentEncoding)
			}
			w.WriteHeader(s.Response.Status)
			return s.Response.Status != 200 || http.NewResponseController(w).Flush() != nil
		})
	}
	if s.Bytes != "" || s.Base64 != nil {
		p.send(append([]byte(s.Bytes), s.Base64...))
	}
	switch s.End {
	case "orderly":
		p.command(func(http.ResponseWriter) bool { return true })
	case "cut":
		p.lastFeed().conn.Close()
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if jwks, isThere := s.all["jwks"]; isThere {
		p.keys = reply{200, string(jwks)}
		if string(jwks) == "null" {
			p.keys = reply{503, "{}"}
		}
	}
	if s.ReceiptsStatus != 0 {
		p.receiptsStatus = s.ReceiptsStatus
	}
}

// call is what the application does.
func (p *player) call(s step) {
	p.Helper()
	switch {
	case s.Verify != "":
		p.verify(s)
	case s.Redeem != nil:
		p.redeem(s)
	case s.Hold != "":
		claims, err := p.verifier.Verify(p.Context(), p.tokenOf(s.Token))
		p.assert(s, "hold", resultOf(p.T, err), "accepted")
		p.sockets[s.Hold], _ = p.verifier.Hold(&recordedConn{p, s.Hold}, claims)
	case s.Renew != "":
		_, err := p.sockets[s.Renew].Renew(p.Context(), p.tokenOf(s.Token))
		p.assert(s, "renew", resultOf(p.T, err), s.Result)
	}
}

func (p *player) verify(s step) {
	p.Helper()
	asked := []call{}
	if s.Introspection != nil {
		p.next = reply{s.Introspection.Status, string(s.Introspection.Body)}
		body, _ := json.Marshal(map[string]string{"token": p.tokenOf(s.Verify)})
		asked = append(asked, call{"/base/v1/introspect", string(body)})
	}
	before := len(p.calls)
	var required []chatauth.Requirement
	if s.MaxAge != 0 {
		required = append(required, chatauth.MaxAge(time.Duration(s.MaxAge)*time.Second))
	}
	if s.AMR != nil {
		required = append(required, chatauth.AMR(s.AMR...))
	}
	claims, err := p.verifier.Verify(p.Context(), p.tokenOf(s.Verify), required...)
	p.assert(s, "result", resultOf(p.T, err), s.Result)
	if s.Reason != nil {
		var reason *string
		if refused := err.(*chatauth.TokenRefused); refused.Reason != "" {
			reason = &refused.Reason
		}
		p.assert(s, "reason", reason, s.Reason)
	}
	if roles, isThere := s.all["roles"]; isThere {
		p.assert(s, "roles", claims.Roles, roles)
	}
	p.assertCalls(s, p.calls[before:], asked)
}

func (p *player) redeem(s step) {
	p.Helper()
	asked := []call{}
	if s.Response != nil {
		p.next = reply{s.Response.Status, string(s.Response.Body)}
		asked = append(asked, call{"/base/v1/tickets/redeem", string(s.all["redeem"])})
	}
	before := len(p.calls)
	claims, err := p.verifier.RedeemTicket(p.Context(), s.Redeem.Ticket, s.Redeem.Origin)
	p.assert(s, "result", resultOf(p.T, err), s.Result)
	if err == nil {
		p.assert(s, "claims", claims, s.Claims)
	}
	p.assertCalls(s, p.calls[before:], asked)
}

// recordedConn records how the verifier closes it.
type recordedConn struct {
	player *player
	name   string
}

func (c *recordedConn) Close(code int, reason string) error {
	c.player.seen.Lock()
	defer c.player.seen.Unlock()
	c.player.closed[c.name] = [2]any{code, reason}
	return nil
}

func (p *player) tokenOf(name string) string {
	p.Helper()
	if p.tokens[name] == "" {
		p.Fatalf("there is no token %q", name)
	}
	return p.tokens[name]
}

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
