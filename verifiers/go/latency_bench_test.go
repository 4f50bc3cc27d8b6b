package chatauth_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"chat-auth/chatauth"
	"chat-auth/chatauth/internal/realservice"
)

// BenchmarkEndToRefusal reports how long after the request to sign out was sent, and after its response, 100 verifiers refuse
// the token of the session. It needs a running service.
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
	var sinceRequest, sinceResponse []time.Duration
	for range b.N {
		session := service.SignIn(b)
		for _, verifier := range verifiers {
			if got := verdictOn(verifier, session); got != "accepted" {
				b.Fatal(got)
			}
		}
		begun := time.Now()
		responded := make(chan time.Time, 1)
		go func() {
			session.SignOut(b)
			responded <- time.Now()
		}()
		var refusedAt []time.Time
		for len(refusedAt) < count {
			if refused := <-refusals; refused.session == session.Session.ID {
				refusedAt = append(refusedAt, refused.at)
			}
		}
		respondedAt := <-responded
		for _, at := range refusedAt {
			sinceRequest = append(sinceRequest, at.Sub(begun))
			sinceResponse = append(sinceResponse, max(0, at.Sub(respondedAt)))
		}
		for _, verifier := range verifiers {
			if _, err := verifier.Verify(context.Background(), session.AccessToken); verdict(err) != "session_ended, signed_out" {
				b.Fatal(err)
			}
		}
	}
	report(b, "since-request", sinceRequest)
	report(b, "since-response", sinceResponse)
}

func report(b *testing.B, name string, delays []time.Duration) {
	slices.Sort(delays)
	for unit, share := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99} {
		at := min(len(delays)-1, int(share*float64(len(delays))))
		b.ReportMetric(float64(delays[at].Microseconds())/1000, name+"-"+unit)
	}
}
