package feed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"chat-auth/chatauth/internal/clock"
	"chat-auth/chatauth/internal/service"
	"chat-auth/chatauth/internal/token"
)

// Options of a feed.
type Options struct {
	// URL of the feed.
	URL          string
	ServiceKey   string
	Dial         service.Dial
	MaxStaleness time.Duration
	Clock        *clock.Clock
	HasKeys      func() bool
	OnError      func(error)
	// OnEnd, OnOutdated and OnStale are called in order, by one goroutine at a time, and must not block.
	OnEnd      func(SessionEnd)
	OnOutdated func(OutdatedTokens)
	OnStale    func()
}

// Feed is everything known from the revocation feed: ended sessions, outdated tokens, the service's time, and its age.
type Feed struct {
	options   Options
	knowledge *knowledge
	freshness *freshness
	readiness *readiness
	reader    *reader
	end       context.CancelFunc
	// stopped is closed when nothing follows the feed any more.
	stopped chan struct{}
}

// New returns a feed that is not open yet.
func New(options Options) *Feed {
	limitMs := clock.Ms(options.MaxStaleness)
	f := &Feed{options: options, readiness: newReadiness(), end: func() {}, stopped: make(chan struct{})}
	f.knowledge = newKnowledge(limitMs, listeners{
		onEnd:        options.OnEnd,
		onOutdated:   options.OnOutdated,
		onUnreadable: func(problem string) { options.OnError(unreadableError(problem)) },
	})
	f.freshness = &freshness{
		isFresh:     f.IsFresh,
		stalenessMs: f.StalenessMs,
		limitMs:     limitMs,
		onStale:     options.OnStale,
		onFresh:     f.readiness.wake,
	}
	f.reader = &reader{
		url:          options.URL,
		serviceKey:   options.ServiceKey,
		dial:         options.Dial,
		maxStaleness: options.MaxStaleness,
		clock:        options.Clock,
		knowledge:    f.knowledge,
		onProgress:   f.freshness.update,
		onError:      options.OnError,
		onAccepted:   f.readiness.accept,
		onRefused:    f.readiness.refuse,
	}
	return f
}

// Open begins to follow the feed.
func (f *Feed) Open() {
	var ctx context.Context
	ctx, f.end = context.WithCancel(context.Background())
	go func() {
		defer close(f.stopped)
		f.reader.run(ctx)
	}()
}

// Close ends the connection and does not wait for it.
func (f *Feed) Close() {
	f.readiness.close()
	f.freshness.close()
	f.end()
}

// Wait returns when an open feed has stopped after Close, or ctx is done: a callback may wait for the caller.
func (f *Feed) Wait(ctx context.Context) {
	select {
	case <-f.stopped:
	case <-ctx.Done():
	}
}

// Ready waits until keys and a first snapshot are known. See readiness.wait.
func (f *Feed) Ready(ctx context.Context) error { return f.readiness.wait(ctx, f.IsFresh) }

// Update is to be called when keys arrived.
func (f *Feed) Update() { f.freshness.update() }

// NoteError remembers the last error, which tells why a verifier is not ready.
func (f *Feed) NoteError(err error) { f.readiness.noteError(err) }

// IsFresh tells whether keys are known, and knowledge of ended sessions is recent enough.
func (f *Feed) IsFresh() bool {
	return f.StalenessMs() <= clock.Ms(f.options.MaxStaleness) && f.options.HasKeys()
}

// StalenessMs is an upper bound of the age of that knowledge; infinite before the first snapshot.
func (f *Feed) StalenessMs() float64 { return f.knowledge.stalenessMs(f.options.Clock.NowMs()) }

// Connected is true while the feed is open.
func (f *Feed) Connected() bool { return f.reader.isOpen.Load() }

// Reconnects counts the connections after the first.
func (f *Feed) Reconnects() int64 { return max(0, f.reader.connections.Load()-1) }

// Counts returns how many sessions are known as ended, and how many have outdated tokens.
func (f *Feed) Counts() (ended, outdated int) {
	f.knowledge.mutex.RLock()
	defer f.knowledge.mutex.RUnlock()
	return len(f.knowledge.store.ends), len(f.knowledge.store.outdated)
}

// Verdict is what the feed knows about a token.
type Verdict struct {
	// NowMs is the service's time in milliseconds since the epoch; NaN before the first event.
	NowMs float64
	// ForgottenUpToMs: tokens that expire up to this time count as expired, even if the service's clock is set back.
	ForgottenUpToMs float64
	HasEnded        bool
	Reason          string
	// OutdatedBy is the revision of the last change because of which the token is outdated; 0 if none is.
	OutdatedBy uint64
	IsFresh    bool
}

// Judge returns what is known about a token, all of it at the same moment.
func (f *Feed) Judge(subject Subject) Verdict {
	nowMs := f.options.Clock.NowMs()
	hasKeys := f.options.HasKeys()
	f.knowledge.mutex.RLock()
	defer f.knowledge.mutex.RUnlock()
	k := f.knowledge
	reason, hasEnded := k.store.reasonOf(subject.Session)
	return Verdict{
		NowMs:           k.time.now(nowMs),
		ForgottenUpToMs: k.store.forgottenUpTo,
		HasEnded:        hasEnded,
		Reason:          reason,
		OutdatedBy:      k.store.revisionOutdating(subject),
		IsFresh:         hasKeys && k.time.stalenessMs(nowMs) <= clock.Ms(f.options.MaxStaleness),
	}
}

// ServiceTimeMs returns the service's time in milliseconds since the epoch, or by the wall clock if it is not known.
func (f *Feed) ServiceTimeMs() float64 {
	if now := f.Judge(Subject{}).NowMs; !math.IsNaN(now) {
		return now
	}
	return f.options.Clock.WallMs()
}

// Revision grows with each change of outdated tokens.
func (f *Feed) Revision() uint64 {
	f.knowledge.mutex.RLock()
	defer f.knowledge.mutex.RUnlock()
	return f.knowledge.store.revision
}

// HasEnded tells whether a session is known to have ended.
func (f *Feed) HasEnded(session token.SessionID) bool {
	return f.Judge(Subject{Session: session}).HasEnded
}

func unreadableError(problem string) error {
	return fmt.Errorf("a row of the revocation feed cannot be read. The tokens that its user has are refused until they are "+
		"refreshed. If the auth service is newer, update the Go verifier: %w", errors.New(problem))
}
