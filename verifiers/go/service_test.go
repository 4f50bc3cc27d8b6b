package chatauth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"chat-auth/chatauth"
	"chat-auth/chatauth/internal/realservice"
)

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

func verdictOn(verifier *chatauth.Verifier, session *realservice.SignedIn) string {
	_, err := verifier.Verify(context.Background(), session.AccessToken)
	return verdict(err)
}

func assertEqual[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
