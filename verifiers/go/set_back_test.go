//go:build go1.25

package chatauth_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

// sendAt sends what a connection begins with: a snapshot without rows, and a heartbeat.
func (s *stage) sendAt(seq int, serverTime time.Time) {
	text := serverTime.UTC().Format("2006-01-02T15:04:05.000Z")
	s.command(func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprintf(w, "event: snapshot\ndata: {\"log\":\"l\",\"seq\":%d,\"server_time\":%q,\"revocations\":[]}\n\n", seq, text)
		_, _ = fmt.Fprintf(w, "event: heartbeat\ndata: {\"log\":\"l\",\"seq\":%d,\"server_time\":%q}\n\n", seq, text)
		_ = http.NewResponseController(w).Flush()
		return false
	})
	synctest.Wait()
}

// reconnect ends the connection and waits for the next one.
func (s *stage) reconnect() {
	s.command(func(http.ResponseWriter) bool { return true })
	time.Sleep(time.Second)
	synctest.Wait()
}

// serveEnds sends a snapshot with that many ended sessions.
func (s *stage) serveEnds(count int) {
	s.command(func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "text/event-stream")
		sendEnds(w, count)
		return false
	})
	synctest.Wait()
}

func TestARefusedTokenStaysRefusedAfterTheClockOfTheServiceWasSetBack(t *testing.T) {
	const session = `"seq":1,"sid":"0199aa11-5a3c-7c7e-9a53-000000000001","user_id":17,`
	for name, happens := range map[string]struct {
		row   string
		ahead time.Duration
		code  string
	}{
		"an ended session":  {`{` + session + `"reason":"signed_out","expires_at":"2000-01-01T00:10:00Z"}`, time.Hour, chatauth.CodeExpired},
		"an unreadable row": {`{` + session + `"new_kind":true}`, 25 * time.Hour, chatauth.CodeTokenOutdated},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, signer := newStage(t), newSigner()
				s.keys = reply{200, signer.jwks}
				verifier, _ := startOn(t, s, chatauth.Options{})
				s.sendAt(0, time.Now())
				token := signer.token(1)
				claims, err := verifier.Verify(t.Context(), token)
				if err != nil {
					t.Fatal(err)
				}
				s.send([]byte("event: revoked\ndata: " + happens.row + "\n\n"))
				synctest.Wait()
				s.reconnect()
				s.sendAt(1, time.Now().Add(happens.ahead))
				s.reconnect()
				s.sendAt(1, time.Now())
				if _, err := verifier.Verify(t.Context(), token); resultOf(t, err) != happens.code {
					t.Errorf("Verify: got %v", err)
				}
				conn := make(closedConn, 1)
				if _, err = verifier.Hold(conn, claims); resultOf(t, err) != happens.code {
					t.Fatalf("Hold: got %v", err)
				}
				time.Sleep(5 * time.Second) // Until then it would be cut off, if it could be.
				if got := <-conn; got != 4408 {
					t.Errorf("closed with %d", got)
				}
			})
		})
	}
}
