package service

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"chat-auth/chatauth/internal/clock"
	"chat-auth/chatauth/internal/token"
)

const (
	keyCooldownMs   = 5_000
	refreshEvery    = time.Hour
	firstKeyRetry   = 100 * time.Millisecond
	longestKeyRetry = 2 * time.Second
	retryWithKeys   = time.Minute
)

var keyRequest = Request{
	Method:     "GET",
	Path:       ".well-known/jwks.json",
	WithoutKey: true,
	Timeout:    3 * time.Second,
	MaxBytes:   256 * 1024,
}

// KeySet holds the published keys of the service (RFC 7517). It fetches them at the start, hourly, and for an unknown kid.
// If a fetch fails or returns no usable key, the known keys stay.
type KeySet struct {
	requests *Requests
	clock    *clock.Clock
	onError  func(error)
	// onKeys is called when keys are loaded for the first time.
	onKeys func()
	keys   atomic.Pointer[token.KeySet]

	mutex     sync.Mutex
	inFlight  *keyFetch
	startedAt float64
	succeeded bool
	failures  int
	timer     *time.Timer
	isClosed  bool
}

type keyFetch struct {
	done      chan struct{}
	succeeded bool
}

// NewKeySet returns a set without keys.
func NewKeySet(requests *Requests, clock *clock.Clock, onError func(error), onKeys func()) *KeySet {
	k := &KeySet{requests: requests, clock: clock, onError: onError, onKeys: onKeys, startedAt: math.Inf(-1)}
	k.keys.Store(&token.KeySet{})
	return k
}

// Allows tells whether published keys may have this algorithm.
func (k *KeySet) Allows(algorithm string) bool {
	return algorithm == token.EdDSA || algorithm == token.ES256 || algorithm == token.RS256
}

// Find returns nil for a kid that is not known.
func (k *KeySet) Find(kid string) *token.Key { return (*k.keys.Load())[kid] }

// Count returns the number of keys.
func (k *KeySet) Count() int { return len(*k.keys.Load()) }

// Refresh waits for a fetch in flight, or for a new one unless the cooldown forbids it. It returns whether the keys are
// known to be current, or the error of ctx.
func (k *KeySet) Refresh(ctx context.Context) (bool, error) {
	k.mutex.Lock()
	fetch := k.inFlight
	if fetch == nil {
		if isTooEarly := k.clock.NowMs()-k.startedAt < keyCooldownMs; isTooEarly || k.isClosed {
			defer k.mutex.Unlock()
			return k.succeeded, nil
		}
		fetch = k.begin()
	}
	k.mutex.Unlock()
	select {
	case <-fetch.done:
		return fetch.succeeded, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// Start begins the first fetch.
func (k *KeySet) Start() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.begin()
}

// Close stops fetching.
func (k *KeySet) Close() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.isClosed = true
	k.stopTimer()
}

// begin starts a fetch, regardless of the cooldown. The mutex is held.
func (k *KeySet) begin() *keyFetch {
	k.stopTimer()
	k.startedAt = k.clock.NowMs()
	fetch := &keyFetch{done: make(chan struct{})}
	k.inFlight = fetch
	go k.run(fetch)
	return fetch
}

func (k *KeySet) run(fetch *keyFetch) {
	isFirst, err := k.load()
	k.mutex.Lock()
	k.inFlight = nil
	fetch.succeeded = err == nil
	k.succeeded = fetch.succeeded
	if k.succeeded {
		k.failures = 0
	} else {
		k.failures++
	}
	isClosed := k.isClosed
	if !isClosed {
		k.scheduleNext()
	}
	k.mutex.Unlock()
	close(fetch.done)
	if isFirst {
		k.onKeys()
	}
	if err != nil && !isClosed {
		k.onError(fmt.Errorf("the keys of the auth service cannot be fetched: %w", err))
	}
}

func (k *KeySet) load() (isFirst bool, err error) {
	response, err := k.requests.Send(keyRequest)
	if err != nil {
		return false, err
	}
	if response.Status != 200 {
		return false, fmt.Errorf("status %d; check that URL is the internal listener", response.Status)
	}
	known := *k.keys.Load()
	keys := token.ReadKeySet(response.Body, known)
	if keys == nil {
		return false, errors.New("the response contains no usable key")
	}
	k.keys.Store(&keys)
	return len(known) == 0, nil
}

func (k *KeySet) scheduleNext() {
	delay := refreshEvery
	switch {
	case k.failures > 0 && k.Count() > 0:
		delay = retryWithKeys
	case k.failures > 0:
		delay = min(longestKeyRetry, firstKeyRetry<<min(k.failures-1, 10))
	}
	k.timer = time.AfterFunc(k.clock.Jittered(delay), func() {
		k.mutex.Lock()
		defer k.mutex.Unlock()
		if !k.isClosed && k.inFlight == nil {
			k.begin()
		}
	})
}

func (k *KeySet) stopTimer() {
	if k.timer != nil {
		k.timer.Stop()
	}
}
