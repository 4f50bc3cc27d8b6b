package token

import (
	"math"
	"strconv"

	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/strictjson"
)

// Claims of an access token (RFC 9068, section 2.2). Times are seconds since the epoch.
type Claims struct {
	Issuer, Audience, Subject string
	UserID                    int64
	SessionID                 string
	Generation                int64
	TokenID                   string
	IssuedAt, Expires         int64
	AuthTime                  int64
	AMR, Roles                []string
}

// Expected is what every token of the service has. Without an audience, tokens must have none.
type Expected struct {
	Issuer, Audience string
}

// Checked has well-formed claims and the times of their validity in milliseconds since the epoch.
type Checked struct {
	Claims      Claims
	Session     SessionID
	ExpiresMs   float64
	NotBeforeMs float64
	// Proof proves to the service that this token was seen. Empty if the token has none.
	Proof string
}

const (
	maxUserID     = 1<<53 - 1
	maxGeneration = 1<<31 - 1
	maxSeconds    = 8_640_000_000_000
)

// ReadClaims reads the claims of an access token. It does not check times.
func ReadClaims(object strictjson.Object, expected Expected) (Checked, error) {
	if err := checkOrigin(object, expected); err != nil {
		return Checked{}, err
	}
	r := reader{object: object}
	claims := Claims{
		Issuer:     expected.Issuer,
		Audience:   expected.Audience,
		UserID:     r.whole("user_id", 1, maxUserID),
		Subject:    r.text("sub"),
		SessionID:  r.text("sid"),
		Generation: r.whole("gen", 0, maxGeneration),
		TokenID:    r.optionalText("jti"),
		IssuedAt:   r.whole("iat", 0, maxSeconds),
		Expires:    r.whole("exp", 0, maxSeconds),
		AuthTime:   r.whole("auth_time", 0, maxSeconds),
		AMR:        r.texts("amr"),
		Roles:      r.texts("roles"),
	}
	notBefore := r.notBeforeMs()
	proof := r.optionalText("rcp")
	session, isSession := ParseSessionID(claims.SessionID)
	if r.isBroken || !isSession || claims.Subject != strconv.FormatInt(claims.UserID, 10) {
		return Checked{}, refusal.New(refusal.InvalidClaims)
	}
	return Checked{claims, session, float64(claims.Expires) * 1000, notBefore, proof}, nil
}

func checkOrigin(object strictjson.Object, expected Expected) error {
	if issuer, isText := object.Get("iss").Text(); !isText || issuer != expected.Issuer {
		return refusal.New(refusal.WrongIssuer)
	}
	audience := object.Get("aud")
	if expected.Audience == "" && audience == nil {
		return nil
	}
	if text, isText := audience.Text(); expected.Audience == "" || !isText || text != expected.Audience {
		return refusal.New(refusal.WrongAudience)
	}
	return nil
}

// reader remembers whether any claim lacked its form.
type reader struct {
	object   strictjson.Object
	isBroken bool
}

func (r *reader) text(name string) string {
	text, isText := r.object.Get(name).Text()
	r.isBroken = r.isBroken || !isText
	return text
}

func (r *reader) optionalText(name string) string {
	if !r.object.Has(name) {
		return ""
	}
	return r.text(name)
}

func (r *reader) texts(name string) []string {
	texts, areTexts := r.object.Get(name).Texts()
	r.isBroken = r.isBroken || !areTexts
	return texts
}

func (r *reader) whole(name string, min, max int64) int64 {
	number, isWhole := r.object.Get(name).Whole(min, max)
	r.isBroken = r.isBroken || !isWhole
	return number
}

func (r *reader) notBeforeMs() float64 {
	if !r.object.Has("nbf") {
		return math.Inf(-1)
	}
	return float64(r.whole("nbf", 0, maxSeconds)) * 1000
}
