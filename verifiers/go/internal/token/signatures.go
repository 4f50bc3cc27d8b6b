package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
)

// The algorithms of the service (RFC 7518, section 3; RFC 8037).
const (
	EdDSA = "EdDSA"
	ES256 = "ES256"
	RS256 = "RS256"
	HS256 = "HS256"
)

// Key checks signatures with the only algorithm that it is used with (RFC 8725, section 3.1).
type Key struct {
	kid       string
	algorithm string
	// material shows at the next fetch whether the key has changed.
	material string
	verifies func(signed string, signature []byte) bool
}

// NewSecretKey returns a key for HS256. Its kid does not matter.
func NewSecretKey(secret string) *Key {
	return &Key{algorithm: HS256, verifies: func(signed string, signature []byte) bool {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed))
		return hmac.Equal(mac.Sum(nil), signature)
	}}
}

func verifyEd25519(key ed25519.PublicKey) func(string, []byte) bool {
	return func(signed string, signature []byte) bool {
		return ed25519.Verify(key, []byte(signed), signature)
	}
}

func verifyECDSA(key *ecdsa.PublicKey) func(string, []byte) bool {
	return func(signed string, signature []byte) bool {
		if len(signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		digest := sha256.Sum256([]byte(signed))
		return ecdsa.Verify(key, digest[:], r, s)
	}
}

func verifyRSA(key *rsa.PublicKey) func(string, []byte) bool {
	return func(signed string, signature []byte) bool {
		digest := sha256.Sum256([]byte(signed))
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
}
