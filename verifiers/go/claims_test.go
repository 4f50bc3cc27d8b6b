//go:build go1.25

package chatauth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

// startSigned returns a fresh verifier, and what signs its tokens.
func startSigned(t *testing.T, options chatauth.Options) (*chatauth.Verifier, *stage, signer) {
	s, signer := newStage(t), newSigner()
	s.keys, s.onFeed = reply{200, signer.jwks}, serveFresh
	verifier, _ := startOn(t, s, options)
	return verifier, s, signer
}

func TestClaimsThatAreChangedDoNotChangeTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verifier, _, signer := startSigned(t, chatauth.Options{})
		token := signer.token(1)
		first, _ := verifier.Verify(t.Context(), token)
		first.Roles[0], first.AMR[0] = "admin", "otp"
		second, err := verifier.Verify(t.Context(), token)
		if err != nil || second.Roles[0] != "moderator" || second.AMR[0] != "pwd" {
			t.Errorf("got %+v and %v", second, err)
		}
	})
}

func TestStoredClaimsExpireAndAreRefusedWhileStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verifier, s, signer := startSigned(t, chatauth.Options{})
		claims, _ := verifier.Verify(t.Context(), signer.token(1))
		text, _ := json.Marshal(claims)
		var stored chatauth.Claims
		if err := json.Unmarshal(text, &stored); err != nil {
			t.Fatal(err)
		}
		check := func(want string) {
			t.Helper()
			if got := resultOf(t, verifier.Check(stored)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		check("accepted")
		_ = s.server.Close()
		time.Sleep(10 * time.Second)
		check(chatauth.CodeStale)
		time.Sleep(10 * time.Minute)
		check(chatauth.CodeExpired)
		stored.Issuer = "https://other.example.org"
		check(chatauth.CodeInvalidClaims)
	})
}

func TestAClosedVerifierRefusesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verifier, _, signer := startSigned(t, chatauth.Options{})
		token := signer.token(1)
		claims, err := verifier.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		verifier.Close()
		_, verified := verifier.Verify(t.Context(), token)
		_, redeemed := verifier.RedeemTicket(t.Context(), "a-ticket", "")
		_, delivered := verifier.VerifyDelivery(t.Context(), token)
		for _, err := range []error{verified, redeemed, delivered, verifier.Check(claims)} {
			if got := resultOf(t, err); got != chatauth.CodeUnavailable {
				t.Errorf("got %s", got)
			}
		}
		if err := verifier.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAListenerThatBlocksDelaysNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.keys = reply{200, newSigner().jwks}
		verifier, _ := startOn(t, s, chatauth.Options{})
		release := make(chan struct{})
		var blocked, heard atomic.Int64
		verifier.OnSessionEnded(func(chatauth.SessionEnd) { blocked.Add(1); <-release })
		verifier.OnSessionEnded(func(chatauth.SessionEnd) { heard.Add(1) })
		verifier.OnSessionEnded(func(chatauth.SessionEnd) { t.Error("called after the end of the subscription") })()
		s.command(func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "text/event-stream")
			sendEnds(w, 1_000)
			return false
		})
		synctest.Wait()
		if blocked.Load() != 1 || heard.Load() != 1_000 || !verifier.Health().Fresh {
			t.Errorf("blocked %d, heard %d, health %+v", blocked.Load(), heard.Load(), verifier.Health())
		}
		close(release)
		synctest.Wait()
		if blocked.Load() != 1_000 {
			t.Errorf("the blocked listener got %d of 1,000", blocked.Load())
		}
	})
}

// hangingConn does not complete its closing handshake.
type hangingConn struct {
	closed, cut atomic.Int64
	release     chan struct{}
}

func (c *hangingConn) Close(code int, _ string) error {
	c.closed.Store(int64(code))
	<-c.release
	return nil
}

func (c *hangingConn) CloseNow() error {
	c.cut.Add(1)
	close(c.release)
	return nil
}

func TestASocketThatDoesNotCloseIsCutOffAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verifier, _, signer := startSigned(t, chatauth.Options{})
		claims, _ := verifier.Verify(t.Context(), signer.token(1))
		conn := &hangingConn{release: make(chan struct{})}
		held, err := verifier.Hold(conn, claims)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(time.Unix(claims.Expires, 0)))
		synctest.Wait()
		select {
		case <-held.Done():
		default:
			t.Error("the socket is still held")
		}
		if conn.closed.Load() != 4408 || conn.cut.Load() != 0 {
			t.Errorf("got code %d, cut %d times", conn.closed.Load(), conn.cut.Load())
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if conn.cut.Load() != 1 {
			t.Errorf("cut %d times", conn.cut.Load())
		}
		held.Release()
		if _, err := held.Renew(t.Context(), signer.token(1)); resultOf(t, err) != chatauth.CodeExpired {
			t.Errorf("a closed socket was renewed: %v", err)
		}
	})
}

func TestInvalidOptionsAreNamed(t *testing.T) {
	for name, options := range map[string]chatauth.Options{
		"no URL":                {ServiceKey: "k", Issuer: "i"},
		"another scheme":        {URL: "ftp://auth", ServiceKey: "k", Issuer: "i"},
		"a password":            {URL: "http://a:b@auth", ServiceKey: "k", Issuer: "i"},
		"no key":                {URL: "http://auth", Issuer: "i"},
		"a key with a line end": {URL: "http://auth", ServiceKey: "k\n", Issuer: "i"},
		"no issuer":             {URL: "http://auth", ServiceKey: "k"},
		"a short secret":        {URL: "http://auth", ServiceKey: "k", Issuer: "i", SharedSecret: "short"},
		"a public key": {URL: "http://auth", ServiceKey: "k", Issuer: "i",
			SharedSecret: "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----"},
		"a short limit": {URL: "http://auth", ServiceKey: "k", Issuer: "i", MaxStaleness: time.Second},
		"another mode":  {URL: "http://auth", ServiceKey: "k", Issuer: "i", WhenStale: "ask"},
	} {
		verifier, err := chatauth.New(t.Context(), options)
		if err == nil {
			verifier.Close()
			t.Errorf("%s: accepted", name)
		} else if !strings.HasPrefix(err.Error(), "chatauth: Options.") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStoredClaimsMustNameOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verifier, _, signer := startSigned(t, chatauth.Options{})
		claims, _ := verifier.Verify(t.Context(), signer.token(1))
		for name, change := range map[string]func(*chatauth.Claims){
			"no user":         func(c *chatauth.Claims) { c.UserID, c.Subject = 0, "0" },
			"another subject": func(c *chatauth.Claims) { c.Subject = "18" },
			"another user":    func(c *chatauth.Claims) { c.UserID = 18 },
			"another service": func(c *chatauth.Claims) { c.Issuer = "https://other.example.org" },
			"another session": func(c *chatauth.Claims) { c.SessionID = "x" },
			"other audience":  func(c *chatauth.Claims) { c.Audience = "mail" },
		} {
			stored := claims
			change(&stored)
			if got := resultOf(t, verifier.Check(stored)); got != chatauth.CodeInvalidClaims {
				t.Errorf("%s: Check: got %s", name, got)
			}
			if _, err := verifier.Hold(make(closedConn, 1), stored); resultOf(t, err) != chatauth.CodeInvalidClaims {
				t.Errorf("%s: Hold: got %v", name, err)
			}
		}
	})
}
