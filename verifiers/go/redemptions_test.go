//go:build go1.25

package chatauth_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

func TestRedemptionsInFlightAreLimitedAndReuseTheirConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.keys, s.next = reply{200, newSigner().jwks}, reply{410, `{"code":"ticket_gone"}`}
		s.onFeed = serveFresh
		var dials, unavailable, gone atomic.Int64
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return s.dial(ctx, network, address)
		}
		options := s.options(chatauth.Options{Issuer: "i"}, time.Now).WithWorld(dial, time.Now, 1)
		verifier, err := chatauth.New(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		defer verifier.Close()
		synctest.Wait()
		redeem := func(count int) {
			for range count {
				go func() {
					_, err := verifier.RedeemTicket(t.Context(), "a-ticket", "")
					if resultOf(t, err) == chatauth.CodeUnavailable {
						unavailable.Add(1)
					} else {
						gone.Add(1)
					}
				}()
			}
			synctest.Wait()
		}
		sent := func() int {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			return len(s.calls)
		}
		release := s.holdReplies()
		redeem(200)
		if got := sent(); got != 64 {
			t.Errorf("%d requests are in flight", got)
		}
		time.Sleep(3 * time.Second)
		if got := unavailable.Load(); got != 200 {
			t.Errorf("%d of 200 gave up", got)
		}
		release()
		synctest.Wait()
		redeemAtOnce := func() {
			release := s.holdReplies()
			redeem(64)
			release()
			synctest.Wait()
		}
		redeemAtOnce()
		before := dials.Load()
		redeemAtOnce()
		if got := gone.Load(); got != 128 || dials.Load() != before {
			t.Errorf("got %d responses, dialed %d times more", got, dials.Load()-before)
		}
	})
}

func TestCallersWhoShareAnIntrospectionGetErrorsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, signer := newStage(t), newSigner()
		s.keys = reply{200, signer.jwks}
		verifier, _ := startOn(t, s, chatauth.Options{WhenStale: chatauth.Introspect})
		s.serveEnds(0)
		time.Sleep(20 * time.Second)
		s.next = reply{200, `{"active":false}`}
		release := s.holdReplies()
		token := signer.token(1)
		refusals := make(chan *chatauth.TokenRefused, 2)
		for range 2 {
			go func() {
				_, err := verifier.Verify(t.Context(), token)
				var refused *chatauth.TokenRefused
				errors.As(err, &refused)
				refusals <- refused
			}()
		}
		synctest.Wait()
		release()
		first, second := <-refusals, <-refusals
		if first.Code != chatauth.CodeSessionEnded || second.Code != chatauth.CodeSessionEnded || first == second {
			t.Errorf("got %v and %v", first, second)
		}
		if got := len(s.calls); got != 1 {
			t.Errorf("%d introspections", got)
		}
	})
}
