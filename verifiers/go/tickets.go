package chatauth

import (
	"context"
	"time"

	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/service"
	"chat-auth/chatauth/internal/strictjson"
	"chat-auth/chatauth/internal/token"
)

// RedeemTicket redeems a socket ticket at the service and returns its claims. A ticket can be redeemed once, across all
// verifiers. Leave origin empty if the client sent no Origin header. The roles are current, even if the token that the
// ticket was made with is outdated.
//
// The error is a *[TokenRefused] with ticket_gone, origin_mismatch, unavailable, or the code of an invalid claim. If ctx
// ends first, the ticket may be used up.
func (v *Verifier) RedeemTicket(ctx context.Context, ticket, origin string) (Claims, error) {
	claims, err := v.redeem(ctx, ticket, origin)
	if err != nil {
		err = publicError(err)
		v.counts.refuse(err)
		return Claims{}, err
	}
	return claims, nil
}

func (v *Verifier) redeem(ctx context.Context, ticket, origin string) (Claims, error) {
	if err := v.errClosed(); err != nil {
		return Claims{}, err
	}
	redeemed := &redemption{v, v.feed.Revision()}
	object, err := v.askAboutTicket(ctx, ticket, origin)
	if err != nil {
		return Claims{}, err
	}
	checked, err := token.ReadClaims(object, token.Expected{Issuer: v.settings.Issuer, Audience: v.settings.Audience})
	if err != nil {
		return Claims{}, err
	}
	// The response is current, so staleness does not matter. Events that arrived during the call do.
	if _, err := v.judge(&checked, redeemed); err != nil {
		return Claims{}, err
	}
	claims := publicClaims(&checked.Claims)
	claims.redeemed = redeemed
	return claims, nil
}

// askAboutTicket waits for a place and then for the response. It returns early when ctx is done; then the place is taken
// until the response arrives.
func (v *Verifier) askAboutTicket(ctx context.Context, ticket, origin string) (strictjson.Object, error) {
	type response struct {
		object strictjson.Object
		err    error
	}
	deadline := time.Now().Add(service.CallTimeout)
	late := time.NewTimer(service.CallTimeout)
	defer late.Stop()
	select {
	case v.redemptions <- struct{}{}:
	case <-late.C:
		return nil, refusal.New(refusal.Unavailable)
	case <-ctx.Done():
		return nil, refusal.Because(refusal.Unavailable, ctx.Err())
	}
	responses := make(chan response, 1)
	go func() {
		defer func() { <-v.redemptions }()
		object, err := v.calls.Redeem(ticket, origin, time.Until(deadline))
		responses <- response{object, err}
	}()
	select {
	case r := <-responses:
		return r.object, r.err
	case <-ctx.Done():
		return nil, refusal.Because(refusal.Unavailable, ctx.Err())
	}
}
