package token

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type fuzzedKeys struct{ KeySet }

func (fuzzedKeys) Allows(algorithm string) bool { return algorithm != HS256 }

// Find returns the key of a kid, whatever the signature: claims of any form are read.
func (k fuzzedKeys) Find(kid string) *Key { return k.KeySet[kid] }

// FuzzCheck checks any text as a token whose signature is right.
func FuzzCheck(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "vectors", "tokens.json"))
	if err != nil {
		f.Fatal(err)
	}
	var vectors struct{ Cases []struct{ Token string } }
	if err := json.Unmarshal(text, &vectors); err != nil {
		f.Fatal(err)
	}
	for _, vector := range vectors.Cases {
		f.Add(vector.Token)
	}
	always := func(string, []byte) bool { return true }
	keys := fuzzedKeys{KeySet{"ed": {kid: "ed", algorithm: EdDSA, verifies: always}}}
	checks := NewChecks(keys, Expected{Issuer: "https://auth.example.org", Audience: "chat"}, 10)
	f.Fuzz(func(t *testing.T, token string) {
		genuine, err := checks.Check(token)
		if genuine == nil {
			if err != nil && strings.Contains(err.Error(), token) && len(token) > 20 {
				t.Fatal("the error contains the token")
			}
			return
		}
		parts := strings.Split(token, ".")
		if len(parts) != 3 || len(token) > maxLength {
			t.Fatal("accepted a token of another form")
		}
		for _, part := range parts {
			decoded, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil || base64.RawURLEncoding.EncodeToString(decoded) != part {
				t.Fatal("accepted another spelling of the same token")
			}
		}
		if genuine.Claims.UserID < 1 || genuine.Session.String() != genuine.Claims.SessionID {
			t.Fatalf("accepted the claims %+v", genuine.Claims)
		}
	})
}
