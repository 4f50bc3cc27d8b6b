package chatauth

import (
	"context"
	"math"

	"chat-auth/chatauth/internal/feed"
	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/token"
)

// VerifyDelivery returns the claims of a token that the service sends with a call about a user, such as a new name. Only
// the service makes such tokens, and not for users: for their requests, use Verify. It needs no fresh feed. The error is a
// *[TokenRefused] for any other value, an access token included.
func (v *Verifier) VerifyDelivery(ctx context.Context, token string) (DeliveryClaims, error) {
	claims, err := v.verifyDelivery(ctx, token)
	if err != nil {
		err = publicError(err)
		v.counts.refuse(err)
	}
	return claims, err
}

func (v *Verifier) verifyDelivery(ctx context.Context, text string) (DeliveryClaims, error) {
	if err := v.errClosed(); err != nil {
		return DeliveryClaims{}, err
	}
	checked, err := withNewKeys(ctx, v.keys, func() (*token.CheckedDelivery, error) { return v.checks.CheckDelivery(text) })
	if err != nil {
		return DeliveryClaims{}, err
	}
	now := v.now(v.feed.Judge(feed.Subject{}))
	if math.IsNaN(now) {
		return DeliveryClaims{}, refusal.New(refusal.Unavailable)
	}
	if err := checkTime(now, checked.ExpiresMs, checked.NotBeforeMs); err != nil {
		return DeliveryClaims{}, err
	}
	return DeliveryClaims(checked.Claims), nil
}
