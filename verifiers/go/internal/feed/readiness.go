package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// defaultReadyTimeout is longer than a service needs that starts at the same time.
const defaultReadyTimeout = 30 * time.Second

const whatToCheck = "check that URL is the internal listener of the auth service (port 8010 by default) and that ServiceKey " +
	"is one of its SERVICE_KEYS"

var errClosed = errors.New("chatauth: the verifier is closed")

// readiness waits until the verifier is fresh for the first time.
type readiness struct {
	mutex     sync.Mutex
	isClosed  bool
	refusal   error
	lastError error
	// changed is closed and replaced when something happens that ends a wait.
	changed chan struct{}
}

func newReadiness() *readiness { return &readiness{changed: make(chan struct{})} }

// wait returns nil when isFresh, or an error that says what to check: at the deadline of ctx, after 30 s if it has none,
// and on a refusal.
func (r *readiness) wait(ctx context.Context, isFresh func() bool) error {
	if _, hasDeadline := ctx.Deadline(); !hasDeadline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultReadyTimeout)
		defer cancel()
	}
	for {
		r.mutex.Lock()
		isClosed, refusal, lastError, changed := r.isClosed, r.refusal, r.lastError, r.changed
		r.mutex.Unlock()
		switch {
		case isClosed:
			return errClosed
		case isFresh():
			return nil
		case refusal != nil:
			return notReady("the auth service refused the revocation feed", refusal)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", notReady("not ready in time", lastError), ctx.Err())
		}
	}
}

func notReady(what string, cause error) error {
	if cause == nil {
		return fmt.Errorf("chatauth: %s; %s", what, whatToCheck)
	}
	return fmt.Errorf("chatauth: %s: %w; %s", what, cause, whatToCheck)
}

// wake lets every caller look again.
func (r *readiness) wake() {
	r.change(func() {})
}

// refuse is for a wrong setting: waiting longer does not help before it changes.
func (r *readiness) refuse(err error) { r.change(func() { r.refusal = err }) }

// accept is for an open feed, so that the settings are right.
func (r *readiness) accept() { r.change(func() { r.refusal = nil }) }

func (r *readiness) close() { r.change(func() { r.isClosed = true }) }

func (r *readiness) change(action func()) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	action()
	close(r.changed)
	r.changed = make(chan struct{})
}

// noteError remembers the last error, which tells why a verifier is not ready.
func (r *readiness) noteError(err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.lastError = err
}
