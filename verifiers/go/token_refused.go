package chatauth

import (
	"errors"

	"chat-auth/chatauth/internal/refusal"
)

// Why a token or ticket was refused. With [CodeStale] and [CodeUnavailable] the token was not judged: keep it and retry
// later.
const (
	CodeMalformedToken           = refusal.MalformedToken
	CodeUnknownKey               = refusal.UnknownKey
	CodeWrongAlgorithm           = refusal.WrongAlgorithm
	CodeBadSignature             = refusal.BadSignature
	CodeWrongType                = refusal.WrongType
	CodeWrongIssuer              = refusal.WrongIssuer
	CodeWrongAudience            = refusal.WrongAudience
	CodeExpired                  = refusal.Expired
	CodeNotYetValid              = refusal.NotYetValid
	CodeInvalidClaims            = refusal.InvalidClaims
	CodeSessionEnded             = refusal.SessionEnded
	CodeTokenOutdated            = refusal.TokenOutdated
	CodeReauthenticationRequired = refusal.ReauthenticationRequired
	CodeStale                    = refusal.Stale
	CodeUnavailable              = refusal.Unavailable
	CodeTicketGone               = refusal.TicketGone
	CodeOriginMismatch           = refusal.OriginMismatch
)

// TokenRefused is the error for a token or ticket that must not be accepted.
//
//	var refused *chatauth.TokenRefused
//	if errors.As(err, &refused) && refused.Code == chatauth.CodeSessionEnded {
//		log.Print(refused.Reason)
//	}
type TokenRefused struct {
	// Code is stable. It is one of the constants of this package.
	Code string
	// Reason says why the session ended. Only with session_ended, and only if the reason is known.
	Reason string
	// MaxAgeSeconds is set with reauthentication_required only, if the age of the authentication was limited.
	MaxAgeSeconds int64
	// Message is for your log. It never contains the token.
	Message string
	// Cause is an error below this one, such as that of the context. It may be nil.
	Cause error
}

// NewTokenRefused returns an error with the usual message of its code. It is for tests of your own code.
func NewTokenRefused(code string) *TokenRefused {
	return &TokenRefused{Code: code, Message: refusal.Message(code)}
}

func (e *TokenRefused) Error() string { return "chatauth: " + e.Message }

// Unwrap returns the cause.
func (e *TokenRefused) Unwrap() error { return e.Cause }

// Status returns the HTTP status for this refusal: 401, 403, 410 or 503.
func (e *TokenRefused) Status() int {
	switch e.Code {
	case CodeStale, CodeUnavailable:
		return 503
	case CodeTicketGone:
		return 410
	case CodeOriginMismatch:
		return 403
	}
	return 401
}

// publicError turns an internal refusal into a *TokenRefused of the caller's own: several may wait for one introspection.
func publicError(err error) error {
	var refused *refusal.Error
	if errors.As(err, &refused) {
		own := TokenRefused(*refused)
		return &own
	}
	return err
}
