package token

import (
	"strconv"

	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/strictjson"
)

// DeliveryClaims of a token that the service sends with a call about a user. Times are seconds since the epoch.
type DeliveryClaims struct {
	Issuer, Subject   string
	UserID            int64
	TokenID           string
	IssuedAt, Expires int64
}

// CheckedDelivery has well-formed claims and the times of their validity in milliseconds since the epoch.
type CheckedDelivery struct {
	Claims      DeliveryClaims
	ExpiresMs   float64
	NotBeforeMs float64
}

// readDelivery reads the claims of a delivery token, which has no audience and no session. It does not check times.
func readDelivery(object strictjson.Object, issuer string) (CheckedDelivery, error) {
	if err := checkOrigin(object, Expected{Issuer: issuer}); err != nil {
		return CheckedDelivery{}, err
	}
	r := reader{object: object}
	claims := DeliveryClaims{
		Issuer:   issuer,
		Subject:  r.text("sub"),
		UserID:   r.whole("user_id", 1, maxUserID),
		TokenID:  r.text("jti"),
		IssuedAt: r.whole("iat", 0, maxSeconds),
		Expires:  r.whole("exp", 0, maxSeconds),
	}
	notBefore := r.notBeforeMs()
	if r.isBroken || claims.Subject != strconv.FormatInt(claims.UserID, 10) {
		return CheckedDelivery{}, refusal.New(refusal.InvalidClaims)
	}
	return CheckedDelivery{claims, float64(claims.Expires) * 1000, notBefore}, nil
}
