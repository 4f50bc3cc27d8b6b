//go:build go1.25

package chatauth_test

import (
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

func TestBytesThatAreNoEventsDoNotKeepADeadFeedOpen(t *testing.T) {
	for name, sent := range map[string]struct {
		parts   [2]string
		seconds int
	}{
		"comments in parts":   {[2]string{":", "\n"}, 10},
		"events without data": {[2]string{"event: x\n", "\n"}, 80},
		"unknown fields":      {[2]string{"x", "\n"}, 80},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.keys = reply{200, newSigner().jwks}
				verifier, _ := startOn(t, s, chatauth.Options{})
				s.serveEnds(0)
				if !verifier.Health().Connected {
					t.Fatal("not connected")
				}
				first := s.lastFeed()
				for range sent.seconds {
					for _, part := range sent.parts {
						if s.lastFeed() == first {
							s.send([]byte(part))
						}
						time.Sleep(500 * time.Millisecond)
					}
				}
				synctest.Wait()
				if verifier.Health().FeedReconnects == 0 {
					t.Error("the connection is still open")
				}
			})
		})
	}
}
