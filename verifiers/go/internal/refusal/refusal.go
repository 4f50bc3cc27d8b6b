// Package refusal has the reasons for which a token or a ticket is refused.
package refusal

// Error says why a token or a ticket is refused. It never contains the token.
type Error struct {
	Code          string
	Reason        string
	MaxAgeSeconds int64
	Message       string
	Cause         error
}

func (e *Error) Error() string { return "chatauth: " + e.Message }

// Unwrap returns the cause, such as the end of a context.
func (e *Error) Unwrap() error { return e.Cause }

// The codes. The public package describes them.
const (
	MalformedToken           = "malformed_token"
	UnknownKey               = "unknown_key"
	WrongAlgorithm           = "wrong_algorithm"
	BadSignature             = "bad_signature"
	WrongType                = "wrong_type"
	WrongIssuer              = "wrong_issuer"
	WrongAudience            = "wrong_audience"
	Expired                  = "expired"
	NotYetValid              = "not_yet_valid"
	InvalidClaims            = "invalid_claims"
	SessionEnded             = "session_ended"
	TokenOutdated            = "token_outdated"
	ReauthenticationRequired = "reauthentication_required"
	Stale                    = "stale"
	Unavailable              = "unavailable"
	TicketGone               = "ticket_gone"
	OriginMismatch           = "origin_mismatch"
)

// messages are for the developer who reads the log. Clients get the texts of package httpauth.
var messages = map[string]string{
	MalformedToken: "This is not a token of the auth service. Send the access token as it was issued.",
	UnknownKey:     "No published key has the kid of this token. Sign in at the auth service that this verifier belongs to.",
	WrongAlgorithm: "The algorithm of the token does not fit its key. Send the access token as it was issued.",
	BadSignature:   "The signature is invalid. Send the access token as it was issued.",
	WrongType: "This is another kind of token. Verify accepts access tokens (typ at+jwt), and VerifyDelivery those of " +
		"deliveries (delivery+jwt).",
	WrongIssuer:   "The token has another issuer. Compare Options.Issuer with TOKEN_ISSUER of the service.",
	WrongAudience: "The token has another audience. Compare Options.Audience with TOKEN_AUDIENCE of the service.",
	Expired:       "The token has expired. Refresh the session.",
	NotYetValid:   "The token is not valid yet. Try again later.",
	InvalidClaims: "The claims are not those of an access token. Send the access token as it was issued.",
	SessionEnded:  "The session has ended. Sign in again.",
	TokenOutdated: "The roles have changed since this token was issued, or newer tokens replaced it. " +
		"Refresh the session and try again.",
	ReauthenticationRequired: "The user authenticated too long ago, or by other means than required. Ask for the password again.",
	Stale:                    "It is not known which sessions have ended. Try again shortly.",
	Unavailable:              "The auth service did not respond. Try again shortly.",
	TicketGone:               "The ticket was used, has expired or is unknown. Request a new one.",
	OriginMismatch:           "The ticket belongs to another origin. Request a new one from the page that uses it.",
}

// New returns an error with the usual message of its code.
func New(code string) *Error { return &Error{Code: code, Message: messages[code]} }

// Because returns an error with the usual message of its code, and its cause.
func Because(code string, cause error) *Error {
	return &Error{Code: code, Message: messages[code], Cause: cause}
}

// Saying returns an error with a message of its own.
func Saying(code, message string) *Error { return &Error{Code: code, Message: message} }

// Message returns the usual message of a code.
func Message(code string) string { return messages[code] }
