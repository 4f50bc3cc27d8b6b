package chatauth_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"chat-auth/chatauth"
	"chat-auth/chatauth/httpauth"
	"chat-auth/chatauth/internal/realservice"
)

// Tokens of the service say how the user authenticated, and the verifier requires it (RFC 9470).
func TestAServiceRequiresASecondFactorOfTokens(t *testing.T) {
	service := realservice.Find(t)
	verifier := connect(t, service.Options(t))
	challenge := func(token string, required ...chatauth.Requirement) string {
		_, err := verifier.Verify(context.Background(), token, required...)
		if err == nil {
			return "accepted"
		}
		response := httptest.NewRecorder()
		httpauth.WriteRefusal(response, err)
		return response.Header().Get("WWW-Authenticate")
	}
	recent := chatauth.MaxAge(10 * time.Minute)
	insufficient := `Bearer error="insufficient_user_authentication"`
	proven := service.Proven
	for _, tried := range []struct {
		what, got, want string
	}{
		{"a password where mfa is required", challenge(proven.Password, chatauth.AMR("mfa")), insufficient},
		{"a code where mfa is required", challenge(proven.Code, chatauth.AMR("mfa")), "accepted"},
		{"a recovery code where mfa is required", challenge(proven.RecoveryCode, chatauth.AMR("mfa")), "accepted"},
		{"a recovery code where otp is required", challenge(proven.RecoveryCode, chatauth.AMR("otp")), insufficient},
		{"a recent code where otp is required", challenge(proven.Code, chatauth.AMR("otp"), recent), "accepted"},
		{"a password where a recent otp is required", challenge(proven.Password, chatauth.AMR("otp"), recent),
			insufficient + `, max_age="600"`},
	} {
		assertEqual(t, tried.what, tried.got, tried.want)
	}
}
