//go:build go1.25

package chatauth_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

// closedConn records the first code with which it was closed.
type closedConn chan int

func (c closedConn) Close(code int, _ string) error {
	c <- code
	return nil
}

func TestHoldSeesWhatHappenedSinceTheTokenWasVerified(t *testing.T) {
	row := `"sid":"0199aa11-5a3c-7c7e-9a53-000000000001","user_id":17,"reason":"signed_out","expires_at":"2100-01-01T00:00:00Z"`
	for name, happens := range map[string]struct {
		event string
		wait  time.Duration
		code  string
		close int
	}{
		"the session ends":       {`{"seq":1,` + row + `}`, 0, chatauth.CodeSessionEnded, 4401},
		"the token is outdated":  {`{"seq":1,"up_to_generation":3,` + row + `}`, 0, chatauth.CodeTokenOutdated, 4408},
		"the token expires":      {"", 600 * time.Second, chatauth.CodeExpired, 4408},
		"the verifier is stale":  {"", 20 * time.Second, chatauth.CodeStale, 4503},
		"nothing of its session": {`{"seq":1,"up_to_generation":2,` + row + `}`, 0, "accepted", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, signer := newStage(t), newSigner()
				s.keys = reply{200, signer.jwks}
				verifier, _ := startOn(t, s, chatauth.Options{})
				s.command(func(w http.ResponseWriter) bool {
					w.Header().Set("Content-Type", "text/event-stream")
					sendEnds(w, 0)
					return false
				})
				synctest.Wait()
				claims, err := verifier.Verify(t.Context(), signer.token(1))
				if err != nil {
					t.Fatal(err)
				}
				if happens.event != "" {
					s.send([]byte("event: revoked\ndata: " + happens.event + "\n\n"))
				}
				time.Sleep(happens.wait)
				synctest.Wait()
				conn := make(closedConn, 1)
				held, err := verifier.Hold(conn, claims)
				if got := resultOf(t, err); got != happens.code {
					t.Fatalf("got %s, want %s", got, happens.code)
				}
				if held != nil {
					held.Release()
					return
				}
				// Until then it would be cut off, if it could be.
				time.Sleep(5 * time.Second)
				if got := <-conn; got != happens.close {
					t.Errorf("got the close code %d, want %d", got, happens.close)
				}
			})
		})
	}
}
