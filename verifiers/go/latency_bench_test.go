package chatauth_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"chat-auth/chatauth"
	"chat-auth/chatauth/internal/realservice"
)

// BenchmarkEndToRefusal reports how long after the request to sign out was sent 100 verifiers refuse the token of the
// session. It needs a running service.
func BenchmarkEndToRefusal(b *testing.B) {
	service := realservice.Find(b)
	const count = 100
	type refusal struct {
		session string
		at      time.Time
	}
	refusals := make(chan refusal, count)
	var verifiers []*chatauth.Verifier
	for range count {
		verifier := connect(b, service.Options(b))
		verifier.OnSessionEnded(func(end chatauth.SessionEnd) {
			refusals <- refusal{end.SessionID, time.Now()}
		})
		verifiers = append(verifiers, verifier)
	}
	var delays []time.Duration
	for range b.N {
		session := service.SignIn(b)
		for _, verifier := range verifiers {
			if got := verdictOn(verifier, session); got != "accepted" {
				b.Fatal(got)
			}
		}
		begun := time.Now()
		var signedOut sync.WaitGroup
		signedOut.Add(1)
		go func() {
			defer signedOut.Done()
			session.SignOut(b)
		}()
		for heard := 0; heard < count; {
			if refused := <-refusals; refused.session == session.Session.ID {
				delays = append(delays, refused.at.Sub(begun))
				heard++
			}
		}
		signedOut.Wait()
		for _, verifier := range verifiers {
			if _, err := verifier.Verify(context.Background(), session.AccessToken); verdict(err) != "session_ended, signed_out" {
				b.Fatal(err)
			}
		}
	}
	slices.Sort(delays)
	for name, share := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99, "max-ms": 1} {
		at := min(len(delays)-1, int(share*float64(len(delays))))
		b.ReportMetric(float64(delays[at].Microseconds())/1000, name)
	}
}
