package chatauth

import (
	"errors"
	"math"
	"slices"
	"time"

	"chat-auth/chatauth/internal/refusal"
)

// Requirement on the authentication behind a token, for calls that a stolen token must not make (RFC 9470).
type Requirement func(*requirements)

type requirements struct {
	hasMaxAge bool
	maxAge    time.Duration
	amr       []string
}

// MaxAge requires that the user authenticated at most this long ago, by auth_time. It is in whole seconds, at least one.
func MaxAge(age time.Duration) Requirement {
	return func(r *requirements) { r.hasMaxAge, r.maxAge = true, age }
}

// AMR requires that the user used all of these methods (RFC 8176). chat-auth has pwd, otp
// for a code, recovery for a recovery code, and mfa for one of them next to the password.
func AMR(methods ...string) Requirement {
	return func(r *requirements) { r.amr = append(r.amr, methods...) }
}

// clocksApartMs: the clocks of two instances of the service differ by less than this.
const clocksApartMs = 60_000

// readRequirements returns an error that names the requirement and what it must be.
func readRequirements(list []Requirement) (requirements, error) {
	var required requirements
	for _, apply := range list {
		apply(&required)
	}
	// 0 would refuse every token: auth_time is a whole second, and the call takes time.
	if required.hasMaxAge && (required.maxAge < time.Second || required.maxAge%time.Second != 0) {
		return required, errors.New("chatauth: MaxAge: must be in whole seconds, one or more")
	}
	return required, nil
}

// check returns a refusal unless the user authenticated as required. nowMs is NaN if it is not known.
func (r *requirements) check(claims *Claims, nowMs float64) error {
	if r.hasMaxAge && math.IsNaN(nowMs) {
		return refusal.New(refusal.Unavailable)
	}
	authenticatedMs := float64(claims.AuthTime) * 1000
	// One in the future was made by a clock that was ahead, and would be recent for as long.
	isRecent := !r.hasMaxAge ||
		nowMs <= authenticatedMs+float64(r.maxAge.Milliseconds()) && nowMs >= authenticatedMs-clocksApartMs
	hasMethods := !slices.ContainsFunc(r.amr, func(method string) bool { return !slices.Contains(claims.AMR, method) })
	if isRecent && hasMethods {
		return nil
	}
	refused := refusal.New(refusal.ReauthenticationRequired)
	if r.hasMaxAge {
		refused.MaxAgeSeconds = int64(r.maxAge / time.Second)
	}
	return refused
}

// CheckRequirements returns an error that names an invalid requirement, for middleware that is set up once.
func CheckRequirements(required ...Requirement) error {
	_, err := readRequirements(required)
	return err
}
