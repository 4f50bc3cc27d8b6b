package chatauth

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"chat-auth/chatauth/internal/clock"
	"chat-auth/chatauth/internal/service"
)

// WhenStale says how a verifier treats a valid token while it is stale, that is, while it may not know every ended
// session.
type WhenStale string

const (
	// Refuse refuses the token with the code stale. It is the default.
	Refuse WhenStale = "refuse"
	// Introspect asks the service about each token (RFC 7662).
	Introspect WhenStale = "introspect"
	// Accept accepts the token unless its session is known to have ended.
	Accept WhenStale = "accept"
)

// NoCache is a CacheSize that turns the cache off.
const NoCache = -1

// Options of [New].
type Options struct {
	// URL is the base URL of the service's internal listener, such as http://auth:8010.
	URL string
	// ServiceKey is the secret of one of the SERVICE_KEYS of the service, with the scope verify.
	ServiceKey string
	// Issuer is the exact iss of every token: TOKEN_ISSUER of the service.
	Issuer string
	// Audience is the exact aud of every token: TOKEN_AUDIENCE of the service. If it is empty, tokens must have no aud.
	Audience string
	// SharedSecret is the HS256 secret, at least 32 bytes. With it, no keys are fetched and only HS256 is accepted.
	SharedSecret string
	// MaxStaleness is the age from which knowledge of ended sessions is stale. Default 5 s, at least 2 s.
	MaxStaleness time.Duration
	// WhenStale is Refuse by default.
	WhenStale WhenStale
	// CacheSize is the number of checked tokens to remember. Default 10,000; NoCache turns the cache off.
	CacheSize int
	// OnError is called with errors of the background for your log: a lost feed, keys that cannot be fetched, a service key
	// that is refused. Each message comes at most once in 30 s, and contains no secrets. It must not block: Close waits for it,
	// for up to 2 s. Default: package log, each message at most once an hour.
	OnError func(error)

	// Tests replace these.
	dial  service.Dial
	clock *clock.Clock
}

const (
	loggedAgainAfter   = time.Hour
	reportedAgainAfter = 30 * time.Second
)

// String writes the options without their secrets.
func (o Options) String() string {
	type plain Options // It has no String.
	o.ServiceKey, o.SharedSecret = hidden(o.ServiceKey), hidden(o.SharedSecret)
	if base, err := url.Parse(o.URL); err != nil || base.User != nil {
		o.URL = hidden(o.URL)
	}
	return fmt.Sprintf("%+v", plain(o))
}

// Format writes what String returns, whatever the verb.
func (o Options) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, o.String()) }

// LogValue is what package slog writes.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

func hidden(text string) string {
	if text == "" {
		return ""
	}
	return "(hidden)"
}

// settings are checked options.
type settings struct {
	Options
	// base ends with a slash.
	base *url.URL
	// repeatErrorsAfter: the same message is reported again after this time.
	repeatErrorsAfter time.Duration
}

var (
	headerValue  = regexp.MustCompile(`^[\x21-\x7e]+$`)
	looksLikeKey = regexp.MustCompile(`-----BEGIN|"kty"|^(ssh-|ecdsa-)`)
)

// read checks the options. Errors name the option and what it must be, without its value.
func (o Options) read() (settings, error) {
	o.setDefaults()
	s := settings{Options: o, repeatErrorsAfter: reportedAgainAfter}
	if o.OnError == nil {
		s.OnError = func(err error) { log.Printf("chatauth: %v", err) }
		s.repeatErrorsAfter = loggedAgainAfter
	}
	base, err := readBase(o.URL)
	if err != nil {
		return settings{}, err
	}
	s.base = base
	switch {
	case !headerValue.MatchString(o.ServiceKey):
		err = errors.New("ServiceKey: must be the secret of one of SERVICE_KEYS of the service")
	case o.Issuer == "":
		err = errors.New("Issuer: must be TOKEN_ISSUER of the service")
	case o.SharedSecret != "" && len(o.SharedSecret) < 32:
		err = errors.New("SharedSecret: must be at least 32 bytes")
	case looksLikeKey.MatchString(strings.TrimLeftFunc(o.SharedSecret, isBlank)):
		// With a public key as the secret, everyone who has the key could sign tokens (RFC 8725, section 2.1).
		err = errors.New("SharedSecret: must be a secret, not a public or private key")
	case o.MaxStaleness < 2*time.Second || o.MaxStaleness > math.MaxInt32*time.Second:
		err = errors.New("MaxStaleness: must be at least 2 s")
	case o.WhenStale != Refuse && o.WhenStale != Introspect && o.WhenStale != Accept:
		err = errors.New("WhenStale: must be Refuse, Introspect or Accept")
	case o.CacheSize < NoCache:
		err = errors.New("CacheSize: must be a number of tokens, or NoCache")
	}
	if err != nil {
		return settings{}, fmt.Errorf("chatauth: Options.%w", err)
	}
	return s, nil
}

// isBlank is true for white space and for the byte order mark, which an editor may have put before a key.
func isBlank(char rune) bool { return unicode.IsSpace(char) || char == '\uFEFF' }

func (o *Options) setDefaults() {
	if o.MaxStaleness == 0 {
		o.MaxStaleness = 5 * time.Second
	}
	if o.WhenStale == "" {
		o.WhenStale = Refuse
	}
	if o.CacheSize == 0 {
		o.CacheSize = 10_000
	}
	if o.clock == nil {
		o.clock = clock.System()
	}
}

func readBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil || base.Host == "":
		return nil, errors.New("chatauth: Options.URL: must be the internal listener, such as http://auth:8010")
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, errors.New("chatauth: Options.URL: must be http or https")
	case base.User != nil:
		return nil, errors.New("chatauth: Options.URL: must not contain a name or password; use ServiceKey")
	}
	if !strings.HasSuffix(base.Path, "/") {
		base = base.JoinPath("/")
	}
	base.RawQuery, base.ForceQuery, base.Fragment, base.RawFragment = "", false, "", ""
	return base, nil
}
