package token

import (
	"strings"
	"sync"
	"sync/atomic"

	"chat-auth/chatauth/internal/recent"
	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/strictjson"
)

// Keys supplies the keys that signatures are checked with.
type Keys interface {
	// Allows tells whether any key may have this algorithm (RFC 8725, section 3.1).
	Allows(algorithm string) bool
	// Find returns nil for a kid that is not known.
	Find(kid string) *Key
}

// Genuine is a token with a valid signature and well-formed claims. It may have expired or its session may have ended.
type Genuine struct {
	Checked
	key *Key
	// IsReported is true once a receipt for it waits.
	IsReported atomic.Bool
}

// maxHeaders bounds the cache of headers. Most tokens have the same one.
const maxHeaders = 100

// Checks checks signature and claims of tokens, and caches genuine ones. It is safe for concurrent use.
type Checks struct {
	keys     Keys
	expected Expected
	mutex    sync.Mutex
	cache    *recent.Map[string, *Genuine]
	// headers of genuine tokens only, so that attackers cannot fill it.
	headers map[string]header
}

// NewChecks returns checks that remember at most cacheSize tokens.
func NewChecks(keys Keys, expected Expected, cacheSize int) *Checks {
	return &Checks{
		keys:     keys,
		expected: expected,
		cache:    recent.NewMap[string, *Genuine](cacheSize),
		headers:  map[string]header{},
	}
}

// CachedCount returns how many tokens are remembered.
func (c *Checks) CachedCount() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.cache.Len()
}

// Cached returns a token from the cache if its key is still published, otherwise nil.
func (c *Checks) Cached(token string) *Genuine {
	if len(token) > maxLength {
		return nil
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	genuine, isKnown := c.cache.Get(token)
	if !isKnown {
		return nil
	}
	if c.keys.Find(genuine.key.kid) != genuine.key {
		c.cache.Delete(token)
		return nil
	}
	return genuine
}

// Cache remembers a genuine token. Its text may be a part of a larger one, which is not kept.
func (c *Checks) Cache(token string, genuine *Genuine) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.cache.Set(strings.Clone(token), genuine)
}

// Check returns nil and no error if the key of the token is not known.
func (c *Checks) Check(token string) (*Genuine, error) {
	payload, key, err := c.readSigned(token, "at+jwt")
	if err != nil || key == nil {
		return nil, err
	}
	checked, err := ReadClaims(payload, c.expected)
	if err != nil {
		return nil, err
	}
	return &Genuine{Checked: checked, key: key}, nil
}

// CheckDelivery does the same for a delivery token.
func (c *Checks) CheckDelivery(token string) (*CheckedDelivery, error) {
	payload, key, err := c.readSigned(token, "delivery+jwt")
	if err != nil || key == nil {
		return nil, err
	}
	checked, err := readDelivery(payload, c.expected.Issuer)
	if err != nil {
		return nil, err
	}
	return &checked, nil
}

func (c *Checks) readSigned(token, typ string) (strictjson.Object, *Key, error) {
	parts, err := split(token)
	if err != nil {
		return nil, nil, err
	}
	header, isCached := c.knownHeader(parts.header)
	if !isCached {
		if header, err = readHeader(parts.header); err != nil {
			return nil, nil, err
		}
	}
	if !c.keys.Allows(header.algorithm) {
		return nil, nil, refusal.New(refusal.WrongAlgorithm)
	}
	key := c.keys.Find(header.kid)
	if key == nil {
		return nil, nil, nil
	}
	if key.algorithm != header.algorithm {
		return nil, nil, refusal.New(refusal.WrongAlgorithm)
	}
	if !key.verifies(parts.signed, parts.signature) {
		return nil, nil, refusal.New(refusal.BadSignature)
	}
	// Explicit typing keeps other kinds of JWT out (RFC 8725, section 3.11; RFC 9068, section 4).
	if header.typ != typ {
		return nil, nil, refusal.New(refusal.WrongType)
	}
	if !isCached {
		c.rememberHeader(parts.header, header)
	}
	payload, isObject := readObject(parts.payload)
	if !isObject {
		return nil, nil, refusal.New(refusal.InvalidClaims)
	}
	return payload, key, nil
}

func (c *Checks) knownHeader(encoded string) (header, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	known, isKnown := c.headers[encoded]
	return known, isKnown
}

func (c *Checks) rememberHeader(encoded string, known header) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.headers) >= maxHeaders {
		clear(c.headers)
	}
	c.headers[strings.Clone(encoded)] = known
}
