package chatauth

import (
	"context"
	"math"
	"strconv"

	"chat-auth/chatauth/internal/feed"
	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/sockets"
)

// Conn is the part of a socket that [Verifier.Hold] needs. Close starts the closing handshake (RFC 6455, section 7.1.2).
// It may block; each socket is closed in a goroutine of its own. A panic counts as an error and is reported to OnError.
//
// If the connection also has CloseNow() error, it is cut with it when Close fails, and 5 s after the beginning of Close
// unless Release was called.
type Conn interface {
	Close(code int, reason string) error
}

// HeldSocket is a socket that closes when its session ends, when its token expires or becomes outdated, and when the
// verifier is stale and WhenStale is Refuse.
type HeldSocket struct {
	verifier *Verifier
	held     *sockets.Held[Claims]
}

// Check checks claims again, later and without their token: that the token has not expired, the session has not ended,
// and the verifier is fresh. The error is a *[TokenRefused]. While the verifier is stale, Introspect refuses as Refuse
// does, because there is no token to ask about.
//
// The claims may come from a store, as JSON. Anyone who can write there can write claims: Check does not prove their
// origin. Claims of a ticket that come from a store count as outdated once the roles have changed, even before the ticket.
func (v *Verifier) Check(claims Claims) error {
	err := v.check(&claims)
	if err == nil && v.settings.WhenStale != Accept && !v.feed.IsFresh() {
		err = refusal.New(refusal.Stale)
	}
	return publicError(err)
}

// check returns what is wrong with claims now, except that the verifier may be stale.
func (v *Verifier) check(claims *Claims) error {
	if err := v.errClosed(); err != nil {
		return err
	}
	subject, err := v.subjectOf(claims)
	if err != nil {
		return err
	}
	verdict := v.feed.Judge(subject)
	expiresMs := float64(claims.Expires) * 1000
	if expiresMs <= verdict.ForgottenUpToMs {
		return refusal.New(refusal.Expired)
	}
	if err := checkTime(v.now(verdict), expiresMs, math.Inf(-1)); err != nil {
		return err
	}
	return v.checkSession(verdict, claims.redeemed)
}

// subjectOf refuses claims that no token of this verifier's service has. They may come from a store.
func (v *Verifier) subjectOf(claims *Claims) (feed.Subject, error) {
	subject, isSession := claims.subject()
	if !isSession || claims.UserID < 1 || claims.Subject != strconv.FormatInt(claims.UserID, 10) ||
		claims.Issuer != v.settings.Issuer || claims.Audience != v.settings.Audience {
		return feed.Subject{}, refusal.New(refusal.InvalidClaims)
	}
	return subject, nil
}

// Hold guards an open socket with the claims that Verify or RedeemTicket returned. Call Release when the socket has
// closed. If something happened since the claims were checked, the socket is closed and the error is a *[TokenRefused].
//
// The close codes are 4401 for an ended session, 4408 for an expired or outdated token, and 4503 for a stale or closed
// verifier.
func (v *Verifier) Hold(conn Conn, claims Claims) (*HeldSocket, error) {
	subject, err := v.subjectOf(&claims)
	if err != nil {
		return nil, publicError(err)
	}
	held, closing := v.guard.Hold(conn, identityOf(subject, &claims), claims)
	if closing == nil {
		return &HeldSocket{v, held}, nil
	}
	if err := v.errClosed(); err != nil {
		return nil, publicError(err)
	}
	code := map[sockets.Closing]string{
		sockets.SessionEnded:  refusal.SessionEnded,
		sockets.TokenExpired:  refusal.Expired,
		sockets.TokenOutdated: refusal.TokenOutdated,
		sockets.TryLater:      refusal.Stale,
	}[*closing]
	return nil, publicError(refusal.New(code))
}

// Done returns a channel that is closed just before the verifier closes the socket. Pass no message of the client on from
// then: until it completes the closing handshake, more may arrive.
func (s *HeldSocket) Done() <-chan struct{} { return s.held.Done() }

// Release stops guarding the socket without closing it. It may be called more than once.
func (s *HeldSocket) Release() { s.held.Release() }

// Renew keeps the socket open until a newer token of the same session expires. The error is a *[TokenRefused] and leaves
// the socket as it was.
func (s *HeldSocket) Renew(ctx context.Context, newToken string) (Claims, error) {
	claims, err := s.verifier.Verify(ctx, newToken)
	if err != nil {
		return Claims{}, err
	}
	subject, _ := claims.subject()
	switch s.held.Renew(identityOf(subject, &claims), claims) {
	case sockets.NotHeld:
		return Claims{}, publicError(refusal.Saying(refusal.Expired,
			"This socket is closed or was released. Open a new one."))
	case sockets.OtherSession:
		return Claims{}, publicError(refusal.Saying(refusal.InvalidClaims,
			"The token belongs to another session. Renew a socket with a token of its own session."))
	}
	return claims, nil
}

func identityOf(subject feed.Subject, claims *Claims) sockets.Identity {
	return sockets.Identity{
		Session:    subject.Session,
		UserID:     subject.UserID,
		Generation: subject.Generation,
		Expires:    claims.Expires,
	}
}

func (v *Verifier) newGuard(onError func(error)) *sockets.Guard[Claims] {
	return sockets.NewGuard(sockets.Source[Claims]{
		ClosingFor: v.closingFor,
		NowMs:      v.feed.ServiceTimeMs,
		OnError:    onError,
		IsOutdated: func(claims Claims) bool {
			subject, _ := claims.subject()
			return v.isOutdated(v.feed.Judge(subject), claims.redeemed)
		},
	})
}

func (v *Verifier) closingFor(claims Claims) *sockets.Closing {
	subject, _ := claims.subject()
	verdict := v.feed.Judge(subject)
	switch {
	case v.isClosed.Load():
		return &sockets.TryLater
	case verdict.HasEnded:
		return &sockets.SessionEnded
	case float64(claims.Expires)*1000 <= max(v.feed.ServiceTimeMs(), verdict.ForgottenUpToMs):
		return &sockets.TokenExpired
	case v.isOutdated(verdict, claims.redeemed):
		return &sockets.TokenOutdated
	case v.settings.WhenStale == Refuse && !verdict.IsFresh:
		return &sockets.TryLater
	}
	return nil
}
