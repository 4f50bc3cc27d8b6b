package token

import (
	"strings"
	"unicode/utf8"

	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/strictjson"
)

// maxLength is more than any access token of the service has. Longer input is refused before any work is done.
const maxLength = 4096

// parts of a JWS in compact serialization (RFC 7515, section 7.1).
type parts struct {
	// header is still encoded, because decoded headers are cached by it.
	header  string
	payload []byte
	// signed is the signing input (RFC 7515, section 5.1).
	signed    string
	signature []byte
}

// header has the members of a JOSE header that are used (RFC 7515, section 4.1).
type header struct {
	algorithm string
	kid       string
	// typ is empty unless it is a string.
	typ string
}

func split(token string) (parts, error) {
	if len(token) > maxLength {
		return parts{}, refusal.New(refusal.MalformedToken)
	}
	first := strings.IndexByte(token, '.')
	last := strings.LastIndexByte(token, '.')
	if first < 1 || last <= first+1 || last == len(token)-1 {
		return parts{}, refusal.New(refusal.MalformedToken)
	}
	// A third dot is not base64url and fails here.
	payload, isPayload := decodeBase64url(token[first+1 : last])
	signature, isSignature := decodeBase64url(token[last+1:])
	if !isPayload || !isSignature {
		return parts{}, refusal.New(refusal.MalformedToken)
	}
	return parts{header: token[:first], payload: payload, signed: token[:last], signature: signature}, nil
}

// Members that bring their own keys, change what is signed, or need support (RFC 7515, section 4.1; RFC 7797).
var refusedMembers = []string{"crit", "jku", "jwk", "x5u", "x5c", "zip", "enc", "b64"}

func readHeader(encoded string) (header, error) {
	text, isCanonical := decodeBase64url(encoded)
	if !isCanonical {
		return header{}, refusal.New(refusal.MalformedToken)
	}
	object, isObject := readObject(text)
	if !isObject {
		return header{}, refusal.New(refusal.MalformedToken)
	}
	for _, name := range refusedMembers {
		if object.Has(name) {
			return header{}, refusal.New(refusal.MalformedToken)
		}
	}
	algorithm, hasAlgorithm := object.Get("alg").Text()
	kid, hasKid := object.Get("kid").Text()
	if !hasAlgorithm || !hasKid {
		return header{}, refusal.New(refusal.MalformedToken)
	}
	typ, _ := object.Get("typ").Text()
	return header{algorithm: algorithm, kid: kid, typ: typ}, nil
}

// readObject reads a JSON object without repeated names (RFC 7515, section 4; RFC 7519, section 4).
func readObject(text []byte) (strictjson.Object, bool) {
	if !utf8.Valid(text) {
		return nil, false
	}
	object, err := strictjson.ReadObject(text)
	return object, err == nil && !object.RepeatsName()
}
