//go:build go1.25

package chatauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

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
		p.send(append(bytes.Repeat([]byte(s.Bytes), max(1, s.Times)), s.Base64...))
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
	case s.Close:
		p.verifier.Close()
	case s.Hold != "":
		claims, err := p.verifier.Verify(p.Context(), p.tokenOf(s.Token))
		p.assert(s, "hold", resultOf(p.T, err), "accepted")
		p.hold(s.Hold, claims)
	case s.VerifyDelivery != "":
		before := len(p.calls)
		_, err := p.verifier.VerifyDelivery(p.Context(), p.tokenOf(s.VerifyDelivery))
		p.assert(s, "result", resultOf(p.T, err), s.Result)
		p.assertCalls(s, p.calls[before:], []call{})
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
	claims, err := p.during(s, func() (chatauth.Claims, error) {
		return p.verifier.Verify(p.Context(), p.tokenOf(s.Verify), required...)
	})
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
	claims, err := p.during(s, func() (chatauth.Claims, error) {
		return p.verifier.RedeemTicket(p.Context(), s.Redeem.Ticket, s.Redeem.Origin)
	})
	p.assert(s, "result", resultOf(p.T, err), s.Result)
	if err == nil {
		p.assert(s, "claims", claims, s.Claims)
		if s.Hold != "" {
			p.hold(s.Hold, claims)
		}
	}
	p.assertCalls(s, p.calls[before:], asked)
}

// during makes a call of the application. Events of the meantime arrive after its request and before the response.
func (p *player) during(s step, attempt func() (chatauth.Claims, error)) (claims chatauth.Claims, err error) {
	if s.Meanwhile == "" {
		return attempt()
	}
	release := p.holdReplies()
	attempted := make(chan struct{})
	go func() {
		defer close(attempted)
		claims, err = attempt()
	}()
	synctest.Wait()
	p.send([]byte(s.Meanwhile))
	synctest.Wait()
	release()
	<-attempted
	return claims, err
}

func (p *player) hold(name string, claims chatauth.Claims) {
	p.sockets[name], _ = p.verifier.Hold(&recordedConn{p, name}, claims)
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
