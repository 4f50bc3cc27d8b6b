package feed

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"chat-auth/chatauth/internal/clock"
	"chat-auth/chatauth/internal/service"
)

const (
	firstDelay   = 100 * time.Millisecond
	longestDelay = 2 * time.Second
	refusedDelay = 5 * time.Second
	// maxEventID is longer than any id of the service. A longer one would not fit into a header.
	maxEventID = 1024
)

// reader follows the feed until its context ends, and reconnects whenever a connection ends.
type reader struct {
	url          string
	serviceKey   string
	dial         service.Dial
	maxStaleness time.Duration
	clock        *clock.Clock
	knowledge    *knowledge
	// onProgress is called after each applied event.
	onProgress func()
	onError    func(error)
	// The service accepted a connection, or refused it because of a wrong setting.
	onAccepted func()
	onRefused  func(error)

	isOpen      atomic.Bool
	connections atomic.Int64

	attempts int
	// lastEventID is the id of the last event in order, from which the service can go on; empty to request a snapshot.
	lastEventID string
	isCaughtUp  bool
	// behindSince is negative unless events arrive that prove nothing.
	behindSince float64
}

// run returns when ctx is done.
func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		begunAt := r.clock.NowMs()
		end := r.follow(ctx)
		r.isOpen.Store(false)
		if ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(r.afterEnd(end, begunAt)):
		case <-ctx.Done():
		}
	}
}

// follow runs one connection.
func (r *reader) follow(ctx context.Context) feedEnd {
	r.connections.Add(1)
	r.isCaughtUp, r.behindSince = false, -1
	connection := &connection{
		url:          r.url,
		serviceKey:   r.serviceKey,
		lastEventID:  r.lastEventID,
		dial:         r.dial,
		clock:        r.clock,
		maxStaleness: r.maxStaleness,
		onSend:       r.knowledge.beginConnection,
		onOpen: func() {
			r.isOpen.Store(true)
			r.onAccepted()
		},
		onEvent: r.onEvent,
	}
	return connection.run(ctx)
}

func (r *reader) onEvent(streamed streamEvent, arrivedAt float64) error {
	event, err := readEvent(streamed)
	if err != nil || event.typ == "" {
		return err
	}
	outcome := r.knowledge.apply(event, arrivedAt)
	if outcome == gap {
		return brokenError("the feed has a gap")
	}
	r.onProgress()
	// A part of a snapshot proves nothing yet.
	if event.typ == "revocations" {
		return nil
	}
	if event.hasSeq && event.seq == r.knowledge.knownSeq() {
		r.lastEventID = usableID(streamed)
	}
	if outcome == measureAgain {
		return errors.New("the feed is delayed, or a clock was changed")
	}
	return r.checkProgress(arrivedAt)
}

// checkProgress returns an error if events arrive, but none proves that everything is known: the seq must be wrong.
func (r *reader) checkProgress(arrivedAt float64) error {
	limitMs := clock.Ms(r.maxStaleness)
	if r.knowledge.stalenessMs(arrivedAt) <= limitMs {
		r.behindSince = -1
		r.isCaughtUp = true
		return nil
	}
	if r.behindSince < 0 {
		r.behindSince = arrivedAt
	}
	if arrivedAt-r.behindSince > limitMs {
		return brokenError("the feed does not catch up")
	}
	return nil
}

// usableID returns the id of an event if it fits into a header.
func usableID(event streamEvent) string {
	if !event.hasID || len(event.id) > maxEventID {
		return ""
	}
	for _, char := range []byte(event.id) {
		if char < ' ' || char == 0x7F {
			return ""
		}
	}
	return event.id
}

// afterEnd reports the end of a connection and returns how long to wait for the next one.
func (r *reader) afterEnd(end feedEnd, begunAt float64) time.Duration {
	var broken brokenError
	if errors.As(end.err, &broken) {
		r.lastEventID = ""
	}
	// A service that accepts connections and ends them immediately keeps the long delay.
	if r.clock.NowMs()-begunAt > clock.Ms(longestDelay) {
		r.attempts = 0
	}
	// An orderly end, as in a rolling restart, is not an error.
	if end.kind != orderly || !r.isCaughtUp {
		lost := fmt.Errorf("the revocation feed was lost: %w", end.err)
		r.onError(lost)
		if end.kind == refusedFeed {
			r.onRefused(lost)
		}
	}
	delay := r.clock.Jittered(r.delayAfter(end))
	r.attempts++
	return delay
}

func (r *reader) delayAfter(end feedEnd) time.Duration {
	// At most half of the limit, so that the verifier reconnects before it is stale.
	longest := min(longestDelay, r.maxStaleness/2)
	switch {
	case end.kind == refusedFeed:
		return refusedDelay
	case end.kind == orderly && end.retryMs >= 0:
		return min(time.Duration(end.retryMs)*time.Millisecond, longest)
	}
	return min(longest, firstDelay<<min(r.attempts, 10))
}
