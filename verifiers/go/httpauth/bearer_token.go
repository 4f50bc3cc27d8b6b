package httpauth

import (
	"net/http"
	"regexp"

	"chat-auth/chatauth"
)

// missing is a refusal of a request without a token. Its challenge must not contain an error code (RFC 6750, section 3.1).
const missing = "authentication_required"

var (
	// credentials: Bearer in any case (RFC 9110, section 11.1), spaces, and one token68 (RFC 6750, section 2.1).
	credentials = regexp.MustCompile(`^(?i:bearer) +([\w\-.~+/]+=*)$`)
	scheme      = regexp.MustCompile("^([!#$%&'*+.^`|~\\w-]+)(?: |$)")
	bearer      = regexp.MustCompile(`^(?i:bearer)$`)
)

// bearerToken returns the token of the Authorization header.
func bearerToken(request *http.Request) (string, error) {
	sent := request.Header.Values("Authorization")
	if len(sent) == 0 || len(sent) == 1 && isOtherScheme(sent[0]) {
		return "", &chatauth.TokenRefused{
			Code:    missing,
			Message: `Send an access token as "Authorization: Bearer <token>".`,
		}
	}
	found := credentials.FindStringSubmatch(sent[0])
	if len(sent) > 1 || found == nil {
		return "", &chatauth.TokenRefused{
			Code:    chatauth.CodeMalformedToken,
			Message: `Send one "Authorization: Bearer <token>" header.`,
		}
	}
	return found[1], nil
}

func isOtherScheme(value string) bool {
	found := scheme.FindStringSubmatch(value)
	return found != nil && !bearer.MatchString(found[1])
}
