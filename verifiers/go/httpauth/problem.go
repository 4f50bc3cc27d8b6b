package httpauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"chat-auth/chatauth"
)

// problem has a title and a detail for clients: enough to know what to do next, but not which check failed.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	// Reason says why the session ended.
	Reason string `json:"reason,omitempty"`
}

const invalid = "invalid_access_token"

// problems have the statuses and titles that the service gives them.
var problems = map[string]problem{
	missing: {
		Status: 401,
		Title:  "Authentication required",
		Detail: `Send an access token as "Authorization: Bearer <token>".`,
	},
	invalid: {
		Status: 401,
		Title:  "Invalid access token",
		Detail: "The access token is malformed, expired or not meant for this service. Refresh the session.",
	},
	chatauth.CodeSessionEnded: {
		Status: 401,
		Title:  "Session ended",
		Detail: `The session has ended; "reason" says why. Sign in again.`,
	},
	chatauth.CodeTokenOutdated: {
		Status: 401,
		Title:  "Token outdated",
		Detail: "The roles have changed since the access token was issued, or newer tokens replaced it. " +
			"Refresh the session and try again.",
	},
	chatauth.CodeReauthenticationRequired: {
		Status: 401,
		Title:  "Reauthentication required",
		Detail: "The session is valid, but this needs a recent authentication. Ask the user for it, and repeat the request " +
			"with the new token.",
	},
	chatauth.CodeTicketGone: {
		Status: 410,
		Title:  "Ticket gone",
		Detail: "The ticket was used, has expired or is unknown. Request a new one.",
	},
	chatauth.CodeOriginMismatch: {
		Status: 403,
		Title:  "Origin mismatch",
		Detail: "The ticket was issued to a page of another origin and cannot be used again. Request a new one.",
	},
	chatauth.CodeUnavailable: {
		Status: 503,
		Title:  "Unavailable",
		Detail: "Access tokens cannot be checked at the moment. Keep yours and try again after Retry-After seconds.",
	},
}

// retryAfterSeconds: a stale verifier reconnects at least every two seconds.
const retryAfterSeconds = 2

func problemOf(refused *chatauth.TokenRefused) problem {
	code := refused.Code
	if _, isKnown := problems[code]; !isKnown {
		code = invalid
		if refused.Status() == 503 {
			code = chatauth.CodeUnavailable
		}
	}
	found := problems[code]
	found.Code = code
	if code == chatauth.CodeSessionEnded {
		found.Reason = refused.Reason
	}
	return found
}

// WriteRefusal responds to a refused request with problem details (RFC 9457): 401 with a challenge, 403, 410, or 503 if
// the token could not be checked. It returns false, and writes nothing, if err is not a *[chatauth.TokenRefused].
func WriteRefusal(w http.ResponseWriter, err error) bool {
	var refused *chatauth.TokenRefused
	if !errors.As(err, &refused) {
		return false
	}
	problem := problemOf(refused)
	body, err := json.Marshal(problem)
	if err != nil {
		return false
	}
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	switch problem.Status {
	case 401:
		header.Set("WWW-Authenticate", challenge(problem.Code, refused.MaxAgeSeconds))
	case 503:
		header.Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	}
	w.WriteHeader(problem.Status)
	_, _ = w.Write(body)
	return true
}

func challenge(code string, maxAgeSeconds int64) string {
	switch {
	case code == missing:
		return "Bearer"
	case code != chatauth.CodeReauthenticationRequired:
		return `Bearer error="invalid_token"`
	case maxAgeSeconds == 0:
		return `Bearer error="insufficient_user_authentication"`
	}
	// RFC 9470, section 3. There is no acr_values: these tokens have no acr.
	return fmt.Sprintf(`Bearer error="insufficient_user_authentication", max_age="%d"`, maxAgeSeconds)
}
