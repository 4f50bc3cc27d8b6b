package chatauth

import (
	"context"
	"math"
	"slices"

	"chat-auth/chatauth/internal/clock"
	"chat-auth/chatauth/internal/feed"
	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/service"
	"chat-auth/chatauth/internal/token"
)

// Verify returns the claims of a valid access token (RFC 9068, section 4). The error is a *[TokenRefused], with
// reauthentication_required for a valid token that does not meet the requirements. Only an invalid requirement is another
// error. Usually nothing is sent; ctx bounds the wait when the service must be asked.
func (v *Verifier) Verify(ctx context.Context, token string, required ...Requirement) (Claims, error) {
	requirements, err := readRequirements(required)
	if err != nil {
		return Claims{}, err
	}
	claims, isCacheHit, err := v.verify(ctx, token)
	if err == nil && len(required) > 0 {
		err = requirements.check(&claims, v.now(v.feed.Judge(feed.Subject{})))
	}
	if err != nil {
		err = publicError(err)
		v.counts.refuse(err)
		return Claims{}, err
	}
	v.counts.accept(isCacheHit)
	return claims, nil
}

func (v *Verifier) verify(ctx context.Context, text string) (claims Claims, isCacheHit bool, err error) {
	if err := v.errClosed(); err != nil {
		return Claims{}, false, err
	}
	genuine := v.checks.Cached(text)
	isCacheHit = genuine != nil
	if !isCacheHit {
		genuine, err = withNewKeys(ctx, v.keys, func() (*token.Genuine, error) { return v.checks.Check(text) })
		if err != nil {
			return Claims{}, false, err
		}
	}
	verdict, err := v.judge(&genuine.Checked, nil)
	if err != nil {
		return Claims{}, false, err
	}
	if !isCacheHit {
		v.checks.Cache(text, genuine)
	}
	claims = publicClaims(&genuine.Claims)
	if !verdict.IsFresh {
		if claims.Roles, err = v.rolesWhenStale(ctx, text, genuine); err != nil {
			return Claims{}, false, err
		}
	}
	if genuine.IsReported.CompareAndSwap(false, true) {
		v.report(genuine)
	}
	return claims, isCacheHit, nil
}

// withNewKeys checks a token, and again with new keys if its key is not known.
func withNewKeys[T any](ctx context.Context, keys keySource, check func() (*T, error)) (*T, error) {
	checked, err := check()
	if checked != nil || err != nil {
		return checked, err
	}
	isCurrent, err := keys.Refresh(ctx)
	if err != nil {
		return nil, refusal.Because(refusal.Unavailable, err)
	}
	checked, err = check()
	switch {
	case checked != nil || err != nil:
		return checked, err
	case isCurrent:
		return nil, refusal.New(refusal.UnknownKey)
	}
	// The keys could not be fetched, so the token may be valid: the user must not be asked to sign in again.
	return nil, refusal.New(refusal.Unavailable)
}

// judge checks times, the end of the session and outdated tokens. It says in the verdict whether the verifier is fresh.
func (v *Verifier) judge(checked *token.Checked, redeemed *redemption) (feed.Verdict, error) {
	claims := &checked.Claims
	verdict := v.feed.Judge(feed.Subject{
		Session:    checked.Session,
		UserID:     claims.UserID,
		Generation: claims.Generation,
		IssuedAt:   claims.IssuedAt,
	})
	if checked.ExpiresMs <= verdict.ForgottenUpToMs {
		return verdict, refusal.New(refusal.Expired)
	}
	if err := checkTime(v.now(verdict), checked.ExpiresMs, checked.NotBeforeMs); err != nil {
		return verdict, err
	}
	return verdict, v.checkSession(verdict, redeemed)
}

func (v *Verifier) checkSession(verdict feed.Verdict, redeemed *redemption) error {
	if verdict.HasEnded {
		ended := refusal.New(refusal.SessionEnded)
		ended.Reason = verdict.Reason
		return ended
	}
	if v.isOutdated(verdict, redeemed) {
		return refusal.New(refusal.TokenOutdated)
	}
	return nil
}

// isOutdated tells whether a newer token of the session may carry other roles.
func (v *Verifier) isOutdated(verdict feed.Verdict, redeemed *redemption) bool {
	if redeemed != nil && redeemed.verifier == v {
		return verdict.OutdatedBy > redeemed.revision
	}
	return verdict.OutdatedBy > 0
}

// now is the service's time. Before it is known, the machine's clock is used with Accept only; otherwise it is NaN.
func (v *Verifier) now(verdict feed.Verdict) float64 {
	if math.IsNaN(verdict.NowMs) && v.settings.WhenStale == Accept {
		return v.settings.clock.WallMs()
	}
	return verdict.NowMs
}

// checkTime: exp is the first moment at which the token is no longer valid (RFC 7519, section 4.1.4). Nothing is refused
// while nowMs is NaN.
func checkTime(nowMs, expiresMs, notBeforeMs float64) error {
	if nowMs >= expiresMs {
		return refusal.New(refusal.Expired)
	}
	if nowMs < notBeforeMs {
		return refusal.New(refusal.NotYetValid)
	}
	return nil
}

// rolesWhenStale returns the roles of the token; with Introspect, those that the service returned.
func (v *Verifier) rolesWhenStale(ctx context.Context, text string, genuine *token.Genuine) ([]string, error) {
	switch v.settings.WhenStale {
	case Introspect:
		roles, err := v.introspection.CurrentRoles(ctx, text, genuine.Claims.SessionID)
		if err != nil {
			return nil, err
		}
		// The feed may have delivered an end during the call.
		if _, err := v.judge(&genuine.Checked, nil); err != nil {
			return nil, err
		}
		return slices.Clone(roles), nil
	case Accept:
		return slices.Clone(genuine.Claims.Roles), nil
	}
	return nil, refusal.New(refusal.Stale)
}

func (v *Verifier) report(genuine *token.Genuine) {
	v.receipts.Add(&service.Receipt{
		SessionID:  genuine.Claims.SessionID,
		UserID:     genuine.Claims.UserID,
		Generation: genuine.Claims.Generation,
		SeenAt:     clock.FormatMs(v.feed.ServiceTimeMs()),
		Proof:      genuine.Proof,
	})
}
