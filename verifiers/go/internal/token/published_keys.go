package token

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"

	"chat-auth/chatauth/internal/strictjson"
)

const (
	maxKeys      = 100
	maxKidLength = 256
)

// KeySet holds keys by their kid.
type KeySet map[string]*Key

// ReadKeySet reads the keys of a JWK set that can verify tokens, and skips all others (RFC 7517, section 5). It returns
// nil if there is none. Keys that are in known are returned as the same objects.
func ReadKeySet(body []byte, known KeySet) KeySet {
	object, err := strictjson.ReadObject(body)
	if err != nil {
		return nil
	}
	items, keys := 0, KeySet{}
	err = strictjson.EachItem(object.Get("keys"), func(item strictjson.Value) {
		if items++; items > maxKeys {
			return
		}
		key := readKey(item, known)
		if key == nil {
			return
		}
		if _, isTaken := keys[key.kid]; !isTaken {
			keys[key.kid] = key
		}
	})
	if err != nil || items > maxKeys || len(keys) == 0 {
		return nil
	}
	return keys
}

func readKey(item strictjson.Value, known KeySet) *Key {
	jwk, err := strictjson.ReadObject(item)
	if err != nil {
		return nil
	}
	kid, isText := jwk.Get("kid").Text()
	if !isText || kid == "" || strictjson.Length(kid) > maxKidLength || !isForVerifying(jwk) {
		return nil
	}
	algorithm, members := formOf(jwk)
	// Each key type has one algorithm here. A key for another algorithm has another purpose.
	if algorithm == "" || jwk.Has("alg") && !isString(jwk.Get("alg"), algorithm) {
		return nil
	}
	material := algorithm
	for _, member := range members {
		material += " " + member
	}
	if before := known[kid]; before != nil && before.material == material {
		return before
	}
	verifies := importKey(algorithm, members)
	if verifies == nil {
		return nil
	}
	return &Key{kid: kid, algorithm: algorithm, material: material, verifies: verifies}
}

// isForVerifying tells whether the purpose of the key, where it is given, is to verify signatures (RFC 7517, sections 4.2
// and 4.3).
func isForVerifying(jwk strictjson.Object) bool {
	// With the private part published too, anyone could sign.
	if jwk.Has("d") || jwk.Has("use") && !isString(jwk.Get("use"), "sig") {
		return false
	}
	if !jwk.Has("key_ops") {
		return true
	}
	operations, areTexts := jwk.Get("key_ops").Texts()
	seen := map[string]bool{}
	for _, operation := range operations {
		if seen[operation] {
			return false
		}
		seen[operation] = true
	}
	return areTexts && seen["verify"]
}

// formOf returns the algorithm of the key and its public members (RFC 7518, section 6; RFC 8037, section 2).
func formOf(jwk strictjson.Object) (algorithm string, members []string) {
	kty, _ := jwk.Get("kty").Text()
	crv, _ := jwk.Get("crv").Text()
	var names []string
	switch {
	case kty == "OKP" && crv == "Ed25519":
		algorithm, names = EdDSA, []string{"x"}
	case kty == "EC" && crv == "P-256":
		algorithm, names = ES256, []string{"x", "y"}
	case kty == "RSA":
		algorithm, names = RS256, []string{"n", "e"}
	}
	for _, name := range names {
		text, isText := jwk.Get(name).Text()
		if !isText {
			return "", nil
		}
		members = append(members, text)
	}
	return algorithm, members
}

func isString(value strictjson.Value, expected string) bool {
	text, isText := value.Text()
	return isText && text == expected
}

// importKey returns nil if the members do not make a safe key.
func importKey(algorithm string, members []string) func(string, []byte) bool {
	decoded := make([][]byte, len(members))
	for at, member := range members {
		bytes, isCanonical := decodeBase64url(member)
		if !isCanonical {
			return nil
		}
		decoded[at] = bytes
	}
	switch algorithm {
	case EdDSA:
		if len(decoded[0]) == ed25519.PublicKeySize {
			return verifyEd25519(ed25519.PublicKey(decoded[0]))
		}
	case ES256:
		return importECDSA(decoded[0], decoded[1])
	case RS256:
		return importRSA(decoded[0], decoded[1])
	}
	return nil
}

func importECDSA(x, y []byte) func(string, []byte) bool {
	if len(x) != 32 || len(y) != 32 {
		return nil
	}
	point := append(append([]byte{4}, x...), y...)
	// This checks that the point is on the curve.
	if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		return nil
	}
	return verifyECDSA(&ecdsa.PublicKey{
		Curve: elliptic.P256(),
		X:     new(big.Int).SetBytes(x),
		Y:     new(big.Int).SetBytes(y),
	})
}

// importRSA wants at least 2048 bits (RFC 7518, section 3.3), and few enough to verify quickly. With the exponent 1 anyone
// could sign. Package crypto/rsa takes exponents below 2^31 only.
func importRSA(n, e []byte) func(string, []byte) bool {
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	isSafe := modulus.BitLen() >= 2048 && modulus.BitLen() <= 8192 && modulus.Bit(0) == 1 &&
		exponent.BitLen() >= 2 && exponent.BitLen() <= 31 && exponent.Bit(0) == 1
	if !isSafe {
		return nil
	}
	return verifyRSA(&rsa.PublicKey{N: modulus, E: int(exponent.Int64())})
}
