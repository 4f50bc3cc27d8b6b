// Package realservice gives tests a running chat-auth and users who can sign in.
package realservice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"chat-auth/chatauth"
)

// Service is a running chat-auth, and users who can sign in.
type Service struct {
	URL              string
	InternalURL      string
	ServiceKey       string
	Issuer, Audience string
	Users            []struct {
		ID                 int64
		Username, Password string
	}
	// Access tokens of a user who proved different things.
	Proven struct{ Password, Code, RecoveryCode string }
}

// Find returns the service that CHAT_AUTH_TEST_SERVICE describes: end-to-end/go-verifier.test.ts starts it. Without one it
// skips the test.
func Find(t testing.TB) *Service {
	t.Helper()
	text := os.Getenv("CHAT_AUTH_TEST_SERVICE")
	if text == "" {
		t.Skip("CHAT_AUTH_TEST_SERVICE names no running service")
	}
	service := &Service{}
	if err := json.Unmarshal([]byte(text), service); err != nil {
		t.Fatal(err)
	}
	return service
}

// Options of a verifier whose errors are in the log of the test.
func (s *Service) Options(t testing.TB) chatauth.Options {
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

// SignedIn is a session of a user.
type SignedIn struct {
	service      *Service
	UserID       int64
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Session      struct{ ID string }
}

var signIns atomic.Int64

// SignIn begins a session.
func (s *Service) SignIn(t testing.TB) *SignedIn {
	t.Helper()
	// Each sign-in has a user and an address of its own, because of the rate limits.
	count := signIns.Add(1)
	user := s.Users[int(count)%len(s.Users)]
	session := &SignedIn{service: s, UserID: user.ID}
	body := map[string]string{"username": user.Username, "password": user.Password}
	s.Request(t, "POST", "/v1/sessions", "", body, 201, session)
	return session
}

// SignOut ends the session.
func (s *SignedIn) SignOut(t testing.TB) {
	t.Helper()
	s.service.Request(t, "DELETE", "/v1/sessions/current", s.AccessToken, nil, 204, nil)
}

// Refresh returns the next tokens of the session.
func (s *SignedIn) Refresh(t testing.TB) *SignedIn {
	t.Helper()
	next := &SignedIn{service: s.service, UserID: s.UserID}
	body := map[string]string{"refresh_token": s.RefreshToken}
	s.service.Request(t, "POST", "/v1/sessions/refresh", "", body, 200, next)
	return next
}

// Request fails the test unless the status is the wanted one.
func (s *Service) Request(t testing.TB, method, path, token string, body any, status int, into any) {
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

// Ticket returns a socket ticket of the session.
func (s *SignedIn) Ticket(t testing.TB) string {
	t.Helper()
	var made struct{ Ticket string }
	s.service.Request(t, "POST", "/v1/tickets", s.AccessToken, nil, 201, &made)
	return made.Ticket
}
