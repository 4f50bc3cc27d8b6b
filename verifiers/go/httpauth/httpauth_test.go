package httpauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chat-auth/chatauth"
	"chat-auth/chatauth/httpauth"
)

type httpVectors struct {
	Headers []struct {
		Authorization []string
		Token, Code   string
		Title         string
	}
	Refusals []struct {
		Refusal, Reason string
		MaxAge          int64 `json:"max_age"`
		Status          int
		Code, Title     string
		WWWAuthenticate string `json:"www_authenticate"`
		RetryAfter      string `json:"retry_after"`
	}
}

func readVectors(t *testing.T) (vectors httpVectors) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "vectors", "http.json"))
	if err == nil {
		err = json.Unmarshal(text, &vectors)
	}
	if err != nil {
		t.Fatal(err)
	}
	return vectors
}

// fakeVerifier remembers the token that it got, and returns what it has.
type fakeVerifier struct {
	token  string
	claims chatauth.Claims
	err    error
}

func (f *fakeVerifier) Verify(_ context.Context, token string, _ ...chatauth.Requirement) (chatauth.Claims, error) {
	f.token = token
	return f.claims, f.err
}

type problem struct {
	Title, Detail, Code, Reason string
	Status                      int
}

func serve(verifier httpauth.Verifier, authorization []string) (*httptest.ResponseRecorder, problem) {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest("GET", "/", nil)
	for _, value := range authorization {
		request.Header.Add("Authorization", value)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(httpauth.ClaimsOf(r))
	})
	httpauth.RequireToken(verifier)(handler).ServeHTTP(recorder, request)
	var body problem
	_ = json.Unmarshal(recorder.Body.Bytes(), &body)
	return recorder, body
}

func TestTheTokenIsReadFromTheHeadersOfTheVectors(t *testing.T) {
	for _, vector := range readVectors(t).Headers {
		verifier := &fakeVerifier{}
		_, problem := serve(verifier, vector.Authorization)
		got := []string{verifier.token, problem.Code, problem.Title}
		if want := []string{vector.Token, vector.Code, vector.Title}; !slices.Equal(got, want) {
			t.Errorf("%q: got token, code and title %q, want %q", vector.Authorization, got, want)
		}
	}
}

func TestEachRefusalHasTheResponseOfTheVectors(t *testing.T) {
	for _, vector := range readVectors(t).Refusals {
		refused := chatauth.NewTokenRefused(vector.Refusal)
		refused.Reason, refused.MaxAgeSeconds = vector.Reason, vector.MaxAge
		recorder, problem := serve(&fakeVerifier{err: refused}, []string{"Bearer a.b.c"})
		header := recorder.Header()
		got := []any{recorder.Code, problem.Status, refused.Status(), problem.Code, problem.Title, problem.Reason,
			header.Get("WWW-Authenticate"), header.Get("Retry-After"), header.Get("Content-Type"), header.Get("Cache-Control")}
		want := []any{vector.Status, vector.Status, vector.Status, vector.Code, vector.Title, vector.Reason,
			vector.WWWAuthenticate, vector.RetryAfter, "application/problem+json", "no-store"}
		for at := range want {
			if got[at] != want[at] {
				t.Errorf("%s: got %v, want %v", vector.Refusal, got[at], want[at])
			}
		}
		if problem.Title == "" || problem.Detail == "" {
			t.Errorf("%s: the problem has no title or no detail", vector.Refusal)
		}
	}
}

func TestTheHandlerGetsTheClaims(t *testing.T) {
	recorder, _ := serve(&fakeVerifier{claims: chatauth.Claims{UserID: 17}}, []string{"Bearer a.b.c"})
	var claims chatauth.Claims
	if err := json.Unmarshal(recorder.Body.Bytes(), &claims); err != nil || claims.UserID != 17 {
		t.Errorf("got %v and %v", claims, err)
	}
}

func TestAnErrorThatIsNotARefusalIs500WithoutItsText(t *testing.T) {
	recorder, _ := serve(&fakeVerifier{err: errors.New("inner")}, []string{"Bearer a.b.c"})
	if recorder.Code != 500 || recorder.Body.String() != "Internal Server Error\n" {
		t.Errorf("got %d %q", recorder.Code, recorder.Body)
	}
}

func TestClaimsOfPanicsWithoutTheMiddleware(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a route without a check got claims")
		}
	}()
	httpauth.ClaimsOf(httptest.NewRequest("GET", "/", nil))
}

func TestInvalidRequirementsPanicAtTheStart(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("MaxAge of 0 was accepted")
		}
	}()
	httpauth.RequireToken(&fakeVerifier{}, chatauth.MaxAge(0*time.Second))
}
