// Package httpauth checks the access tokens of requests of net/http.
package httpauth

import (
	"context"
	"net/http"

	"chat-auth/chatauth"
)

// Verifier is the part of a [chatauth.Verifier] that this package needs.
type Verifier interface {
	Verify(ctx context.Context, token string, required ...chatauth.Requirement) (chatauth.Claims, error)
}

type claimsKey struct{}

// RequireToken returns middleware that gives the claims to the handlers behind it, see [ClaimsOf], or responds with 401 or
// 503 (RFC 6750, section 3). With requirements, a user who authenticated too long ago gets the challenge of RFC 9470.
//
//	mux.Handle("/", httpauth.RequireToken(verifier)(pages))
//	mux.Handle("/payments", httpauth.RequireToken(verifier, chatauth.MaxAge(10*time.Minute))(payments))
//
// It panics on invalid requirements, as net/http does on invalid patterns.
func RequireToken(verifier Verifier, required ...chatauth.Requirement) func(http.Handler) http.Handler {
	if err := chatauth.CheckRequirements(required...); err != nil {
		panic(err)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, err := Authenticate(verifier, r, required...)
			if err == nil {
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
				return
			}
			if !WriteRefusal(w, err) {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			}
		})
	}
}

// ClaimsOf returns the claims of a request behind [RequireToken]. It panics for any other request, because that would
// serve a route without a check.
func ClaimsOf(r *http.Request) chatauth.Claims {
	claims, isChecked := r.Context().Value(claimsKey{}).(chatauth.Claims)
	if !isChecked {
		panic("httpauth: ClaimsOf needs RequireToken before it")
	}
	return claims
}

// Authenticate returns the claims of the request's access token (RFC 6750, section 2.1). The error is for [WriteRefusal].
func Authenticate(verifier Verifier, r *http.Request, required ...chatauth.Requirement) (chatauth.Claims, error) {
	token, err := bearerToken(r)
	if err != nil {
		return chatauth.Claims{}, err
	}
	return verifier.Verify(r.Context(), token, required...)
}
