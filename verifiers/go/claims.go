package chatauth

import (
	"slices"

	"chat-auth/chatauth/internal/feed"
	"chat-auth/chatauth/internal/token"
)

// Claims of an access token (RFC 9068, section 2.2). Times are seconds since the epoch. In JSON they have the names that
// they have in the token, so they can be stored and given to [Verifier.Check] later.
type Claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud,omitempty"`
	// Subject is the user id as a string.
	Subject string `json:"sub"`
	UserID  int64  `json:"user_id"`
	// SessionID is a UUID in lower case.
	SessionID string `json:"sid"`
	// Generation of the session: 0 after sign-in, one more with each refresh.
	Generation int64  `json:"gen"`
	TokenID    string `json:"jti,omitempty"`
	// IssuedAt is when the token was issued.
	IssuedAt int64 `json:"iat"`
	// Expires is the first moment at which the token is no longer valid.
	Expires int64 `json:"exp"`
	// AuthTime is when the user last entered the password.
	AuthTime int64 `json:"auth_time"`
	// AMR has the methods by which the user signed in (RFC 8176).
	AMR   []string `json:"amr"`
	Roles []string `json:"roles"`

	// redeemed is set for the claims of a ticket.
	redeemed *redemption
}

// redemption says which changes of outdated tokens came before the service was asked. The roles include them.
type redemption struct {
	verifier *Verifier
	revision uint64
}

// DeliveryClaims of a token that the service sends with a call about a user. Times are seconds since the epoch.
type DeliveryClaims struct {
	Issuer string `json:"iss"`
	// Subject is the user id as a string.
	Subject string `json:"sub"`
	// UserID is the user whom the call is about.
	UserID int64 `json:"user_id"`
	// TokenID is another one at each attempt.
	TokenID string `json:"jti"`
	// IssuedAt is when the token was issued. With a shared secret, 30 seconds before.
	IssuedAt int64 `json:"iat"`
	// Expires is the first moment at which the token is no longer valid.
	Expires int64 `json:"exp"`
}

// SessionEnd is a session that has ended, and why.
type SessionEnd struct {
	SessionID string `json:"sid"`
	UserID    int64  `json:"user_id"`
	// Reason is such as signed_out or password_changed.
	Reason string `json:"reason"`
}

// publicClaims copies the lists, because the application may change them and the cache keeps its own.
func publicClaims(c *token.Claims) Claims {
	return Claims{
		Issuer:     c.Issuer,
		Audience:   c.Audience,
		Subject:    c.Subject,
		UserID:     c.UserID,
		SessionID:  c.SessionID,
		Generation: c.Generation,
		TokenID:    c.TokenID,
		IssuedAt:   c.IssuedAt,
		Expires:    c.Expires,
		AuthTime:   c.AuthTime,
		AMR:        slices.Clone(c.AMR),
		Roles:      slices.Clone(c.Roles),
	}
}

// subject returns false if the session id is not a UUID in lower case. Then the claims were not made by a verifier.
func (c *Claims) subject() (feed.Subject, bool) {
	session, isSession := token.ParseSessionID(c.SessionID)
	return feed.Subject{Session: session, UserID: c.UserID, Generation: c.Generation, IssuedAt: c.IssuedAt}, isSession
}
