package feed

import (
	"regexp"
	"time"

	"chat-auth/chatauth/internal/strictjson"
)

var rfc3339 = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$`)

// readTime returns milliseconds since the epoch. Digits after the milliseconds are cut off. Package time alone accepts more
// forms.
func readTime(value strictjson.Value) (float64, bool) {
	text, isText := value.Text()
	if !isText || !rfc3339.MatchString(text) {
		return 0, false
	}
	parsed, err := time.Parse(time.RFC3339, text)
	return float64(parsed.UnixMilli()), err == nil
}
