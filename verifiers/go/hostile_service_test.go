//go:build go1.25

package chatauth_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

// startOn returns a verifier of a stage, and the errors that it reports.
func startOn(t *testing.T, s *stage, options chatauth.Options) (*chatauth.Verifier, func() string) {
	t.Helper()
	var mutex sync.Mutex
	var reported []string
	options.Issuer, options.Audience = "https://auth.example.org", "chat"
	options.OnError = func(err error) {
		mutex.Lock()
		defer mutex.Unlock()
		reported = append(reported, err.Error())
	}
	verifier, err := chatauth.New(t.Context(), s.options(options, time.Now))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { verifier.Close() })
	synctest.Wait()
	return verifier, func() string {
		mutex.Lock()
		defer mutex.Unlock()
		return strings.Join(reported, "\n")
	}
}

func TestHostileResponsesForTheKeysAreBoundedAndUnusable(t *testing.T) {
	jwks := newSigner().jwks
	for name, serve := range map[string]func(http.ResponseWriter, *http.Request){
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for chunk := bytes.Repeat([]byte(" "), 64*1024); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"a byte each second": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				waitASecond(r)
			}
		},
		"no response": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a redirect to itself": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"?again", http.StatusFound)
		},
		"compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			compressed := gzip.NewWriter(w)
			_, _ = io.WriteString(compressed, jwks)
			_ = compressed.Close()
		},
		"a huge header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Huge", strings.Repeat("x", 1<<20))
			_, _ = io.WriteString(w, jwks)
		},
		"deep nesting": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"keys":`+strings.Repeat("[", 100_000))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.onKeys = serve
				verifier, reported := startOn(t, s, chatauth.Options{})
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if keys := verifier.Health().Keys; keys != 0 || !strings.Contains(reported(), "keys of the auth service") {
					t.Errorf("got %d keys, and the errors %q", keys, reported())
				}
			})
		})
	}
}

func TestAnEventThatDripsForAMinuteIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		var mutex sync.Mutex
		var lasted time.Duration
		s.onFeed = func(w http.ResponseWriter, r *http.Request) {
			begun := time.Now()
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "data: x\n")
				_ = http.NewResponseController(w).Flush()
				waitASecond(r)
			}
			mutex.Lock()
			defer mutex.Unlock()
			lasted = max(lasted, time.Since(begun))
		}
		startOn(t, s, chatauth.Options{})
		time.Sleep(3 * time.Minute)
		mutex.Lock()
		defer mutex.Unlock()
		if lasted < 55*time.Second || lasted > 70*time.Second {
			t.Errorf("the connection lasted %v", lasted)
		}
	})
}

func TestReceiptsThatAreForbiddenAreReportedClearly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer := newSigner()
		s := newStage(t)
		s.keys, s.receiptsStatus = reply{200, signer.jwks}, 403
		s.onFeed = serveFresh
		verifier, reported := startOn(t, s, chatauth.Options{})
		if _, err := verifier.Verify(t.Context(), signer.token(1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want := "POST v1/receipts: status 403; check that ServiceKey is one of SERVICE_KEYS with the scope verify"
		if reported() != want {
			t.Errorf("got %q, want %q", reported(), want)
		}
	})
}

// serveFresh sends a snapshot and heartbeats by the time of the bubble.
func serveFresh(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	typ := "snapshot"
	for r.Context().Err() == nil {
		serverTime := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		_, _ = io.WriteString(w, "event: "+typ+"\ndata: "+`{"log":"l","seq":0,"server_time":"`+serverTime+`","revocations":[]}`+"\n\n")
		_ = http.NewResponseController(w).Flush()
		typ = "heartbeat"
		waitASecond(r)
	}
}

func waitASecond(r *http.Request) {
	select {
	case <-time.After(time.Second):
	case <-r.Context().Done():
	}
}

func TestACanceledContextEndsTheWaitForKeysWithoutBlamingTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.onFeed = serveFresh
		s.onKeys = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		verifier, _ := startOn(t, s, chatauth.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := verifier.Verify(ctx, newSigner().token(1))
		if resultOf(t, err) != chatauth.CodeUnavailable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAKeptAliveConnectionThatWasClosedIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.keys, s.next = reply{200, newSigner().jwks}, reply{410, `{"code":"ticket_gone"}`}
		s.onFeed = serveFresh
		verifier, _ := startOn(t, s, chatauth.Options{})
		for range 3 {
			_, err := verifier.RedeemTicket(t.Context(), "a-ticket", "")
			if got := resultOf(t, err); got != chatauth.CodeTicketGone {
				t.Errorf("got %s", got)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestTheTimeOfTheHandshakeMakesNothingLookOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.keys, s.onFeed, s.handshake = reply{200, newSigner().jwks}, serveFresh, time.Second
		verifier, _ := startOn(t, s, chatauth.Options{})
		time.Sleep(time.Second)
		synctest.Wait()
		if health := verifier.Health(); !health.Fresh || health.Staleness != 0 {
			t.Errorf("got %+v", health)
		}
	})
}
