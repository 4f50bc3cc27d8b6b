//go:build go1.25

package chatauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

func readVectors[T any](t *testing.T, name string) T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	var vectors T
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

// resultOf returns accepted, or the code of the refusal.
func resultOf(t *testing.T, err error) string {
	t.Helper()
	var refused *chatauth.TokenRefused
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &refused):
		return refused.Code
	}
	t.Fatalf("not a refusal: %v", err)
	return ""
}

// assertJSON compares values as JSON, where the order of names does not matter.
func assertJSON(t *testing.T, what string, got, want any) {
	t.Helper()
	if a, b := canonical(t, got), canonical(t, want); a != b {
		t.Fatalf("%s: got %s, want %s", what, a, b)
	}
}

func canonical(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	text, _ = json.Marshal(plain)
	return string(text)
}

// startFresh returns a verifier whose time is now, after its first snapshot and its first response for the keys.
func startFresh(t *testing.T, now int64, keys reply, options chatauth.Options) *chatauth.Verifier {
	t.Helper()
	s := newStage(t)
	s.keys = keys
	s.onFeed = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		serverTime := time.UnixMilli(now).UTC().Format("2006-01-02T15:04:05.000Z")
		_, _ = fmt.Fprintf(w, "event: snapshot\ndata: {\"log\":\"l\",\"seq\":0,\"server_time\":%q,\"revocations\":[]}\n\n", serverTime)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	verifier, err := chatauth.New(t.Context(), s.options(options, time.Now))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { verifier.Close() })
	synctest.Wait()
	return verifier
}

type tokenVectors struct {
	Now       int64
	Verifiers map[string]struct {
		Issuer, Audience string
		SharedSecret     string `json:"shared_secret"`
		JWKS             json.RawMessage
	}
	Cases []struct {
		Name, Verifier, Token, Result string
		Claims                        json.RawMessage
	}
}

func TestTheVerifierPassesTheTokenVectors(t *testing.T) {
	playTokens(t, "tokens.json", func(v *chatauth.Verifier, token string) (any, error) {
		return v.Verify(t.Context(), token)
	})
}

func TestTheVerifierPassesTheDeliveryTokenVectors(t *testing.T) {
	playTokens(t, "delivery-tokens.json", func(v *chatauth.Verifier, token string) (any, error) {
		return v.VerifyDelivery(t.Context(), token)
	})
}

func playTokens(t *testing.T, file string, verify func(*chatauth.Verifier, string) (any, error)) {
	vectors := readVectors[tokenVectors](t, file)
	for name, settings := range vectors.Verifiers {
		synctest.Test(t, func(t *testing.T) {
			options := chatauth.Options{
				Issuer: settings.Issuer, Audience: settings.Audience, SharedSecret: settings.SharedSecret,
			}
			verifier := startFresh(t, vectors.Now, reply{200, string(settings.JWKS)}, options)
			for _, vector := range vectors.Cases {
				if vector.Verifier != name {
					continue
				}
				// The second time from the cache, where it is accepted.
				for range 2 {
					claims, err := verify(verifier, vector.Token)
					if got := resultOf(t, err); got != vector.Result {
						t.Errorf("%s, %q: got %s, want %s", file, vector.Name, got, vector.Result)
					} else if err == nil {
						assertJSON(t, vector.Name, claims, vector.Claims)
					}
				}
			}
		})
	}
}

type keySetVectors struct {
	Now              int64
	Issuer, Audience string
	Tokens           map[string]string
	Cases            []struct {
		Name    string
		Status  int
		JWKS    json.RawMessage
		Body    *string
		Keys    int
		Results map[string]string
	}
}

func TestTheVerifierPassesTheKeySetVectors(t *testing.T) {
	vectors := readVectors[keySetVectors](t, "key-sets.json")
	for _, vector := range vectors.Cases {
		synctest.Test(t, func(t *testing.T) {
			keys := reply{max(vector.Status, 200), string(vector.JWKS)}
			if vector.Body != nil {
				keys.body = *vector.Body
			}
			options := chatauth.Options{Issuer: vectors.Issuer, Audience: vectors.Audience}
			verifier := startFresh(t, vectors.Now, keys, options)
			if got := verifier.Health().Keys; got != vector.Keys {
				t.Errorf("the key set %q: got %d keys, want %d", vector.Name, got, vector.Keys)
			}
			for name, want := range vector.Results {
				_, err := verifier.Verify(t.Context(), vectors.Tokens[name])
				if got := resultOf(t, err); got != want {
					t.Errorf("the key set %q, token %q: got %s, want %s", vector.Name, name, got, want)
				}
			}
		})
	}
}
