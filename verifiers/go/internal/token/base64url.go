// Package token checks form, signature and claims of tokens (RFC 7515, RFC 7519 and RFC 9068).
package token

import (
	"encoding/base64"
	"strings"
)

var base64url = base64.RawURLEncoding.Strict()

// decodeBase64url accepts only the canonical encoding (RFC 4648, sections 3.5 and 5).
func decodeBase64url(text string) ([]byte, bool) {
	// The decoder skips line ends.
	if strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0 {
		return nil, false
	}
	decoded, err := base64url.DecodeString(text)
	return decoded, err == nil
}
