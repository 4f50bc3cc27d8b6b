package chatauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"chat-auth/chatauth"
)

// realService is a running chat-auth, and users who can sign in. The tests against it run where CHAT_AUTH_TEST_SERVICE
// describes one: end-to-end/go-verifier.test.ts starts it.
type realService struct {
	URL              string
	InternalURL      string
	ServiceKey       string
	Issuer, Audience string
	Users            []struct {
		ID                 int64
		Username, Password string
	}
}

func findService(t testing.TB) *realService {
	t.Helper()
	text := os.Getenv("CHAT_AUTH_TEST_SERVICE")
	if text == "" {
		t.Skip("CHAT_AUTH_TEST_SERVICE names no running service")
	}
	service := &realService{}
	if err := json.Unmarshal([]byte(text), service); err != nil {
		t.Fatal(err)
	}
	return service
}

// options of a verifier whose errors are in the log of the test.
func (s *realService) options(t testing.TB) chatauth.Options {
	isOver := atomic.Bool{}
	t.Cleanup(func() { isOver.Store(true) })
	return chatauth.Options{
		URL:          s.InternalURL,
		ServiceKey:   s.ServiceKey,
		Issuer:       s.Issuer,
		Audience:     s.Audience,
		MaxStaleness: 20 * time.Second,
		OnError: func(err error) {
			if !isOver.Load() {
				t.Log(err)
			}
		},
	}
}

// connect returns a verifier that is ready.
func connect(t testing.TB, options chatauth.Options) *chatauth.Verifier {
	t.Helper()
	verifier, err := chatauth.New(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { verifier.Close() })
	if err := verifier.Ready(context.Background()); err != nil {
		t.Fatal(err)
	}
	return verifier
}

// signedIn is a session of a user.
type signedIn struct {
	service      *realService
	UserID       int64
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Session      struct{ ID string }
}

var signIns atomic.Int64

func (s *realService) signIn(t testing.TB) *signedIn {
	t.Helper()
	// Each sign-in has a user and an address of its own, because of the rate limits.
	count := signIns.Add(1)
	user := s.Users[int(count)%len(s.Users)]
	session := &signedIn{service: s, UserID: user.ID}
	body := map[string]string{"username": user.Username, "password": user.Password}
	s.request(t, "POST", "/v1/sessions", "", body, 201, session)
	return session
}

func (s *signedIn) signOut(t testing.TB) {
	t.Helper()
	s.service.request(t, "DELETE", "/v1/sessions/current", s.AccessToken, nil, 204, nil)
}

func (s *signedIn) refresh(t testing.TB) *signedIn {
	t.Helper()
	next := &signedIn{service: s.service, UserID: s.UserID}
	body := map[string]string{"refresh_token": s.RefreshToken}
	s.service.request(t, "POST", "/v1/sessions/refresh", "", body, 200, next)
	return next
}

// request fails the test unless the status is the wanted one.
func (s *realService) request(t testing.TB, method, path, token string, body any, status int, into any) {
	t.Helper()
	text, _ := json.Marshal(body)
	request, _ := http.NewRequest(method, s.URL+path, bytes.NewReader(text))
	if body == nil {
		request, _ = http.NewRequest(method, s.URL+path, nil)
	} else {
		request.Header.Set("Content-Type", "application/json")
	}
	count := signIns.Load()
	request.Header.Set("X-Forwarded-For", fmt.Sprintf("198.18.%d.%d", count/250%250, count%250))
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	received, _ := io.ReadAll(response.Body)
	if response.StatusCode != status {
		t.Fatalf("%s %s: got %d %s, want %d", method, path, response.StatusCode, received, status)
	}
	if into != nil {
		if err := json.Unmarshal(received, into); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually polls a condition for which there is no event.
func eventually(t testing.TB, what string, isSo func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !isSo() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// verdict is accepted, or the code of the refusal, and the reason of an end.
func verdict(err error) string {
	var refused *chatauth.TokenRefused
	switch {
	case err == nil:
		return "accepted"
	case !errors.As(err, &refused):
		return err.Error()
	case refused.Reason != "":
		return refused.Code + ", " + refused.Reason
	}
	return refused.Code
}

func verdictOn(verifier *chatauth.Verifier, session *signedIn) string {
	_, err := verifier.Verify(context.Background(), session.AccessToken)
	return verdict(err)
}

func assertEqual[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
