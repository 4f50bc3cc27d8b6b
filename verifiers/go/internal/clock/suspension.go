package clock

import (
	"sync/atomic"
	"time"
)

// largestShift: clocks that moved by less against each other did not because the machine was suspended, or it does no harm.
const largestShift = 100 * time.Millisecond

// suspension is how long the machine was suspended. The monotonic time of Go stands still then, on Linux and macOS. The time
// since the start of the machine needs a system call, so it is read only after the wall clock has moved against the
// monotonic one. The wall clock itself counts for nothing: it may have been set.
type suspension struct {
	// sinceBoot returns false where it is not known.
	sinceBoot func() (time.Duration, bool)
	// started is sinceBoot when the monotonic time was 0.
	started time.Duration
	// wallOffset is the wall clock minus the monotonic time, at the last look.
	wallOffset atomic.Int64
	total      atomic.Int64
}

func newSuspension(now time.Time, sinceBoot func() (time.Duration, bool)) *suspension {
	s := &suspension{sinceBoot: sinceBoot}
	s.started, _ = sinceBoot()
	s.wallOffset.Store(now.UnixNano())
	return s
}

// at returns how long the machine was suspended so far. elapsed is the monotonic time since the start, wall the wall clock.
func (s *suspension) at(elapsed time.Duration, wall time.Time) time.Duration {
	offset := wall.UnixNano() - int64(elapsed)
	if shift := time.Duration(offset - s.wallOffset.Load()); shift > largestShift || shift < -largestShift {
		s.look(elapsed, offset)
	}
	return time.Duration(s.total.Load())
}

func (s *suspension) look(elapsed time.Duration, offset int64) {
	sinceBoot, isKnown := s.sinceBoot()
	gone := int64(sinceBoot - s.started - elapsed)
	// Of two calls at the same time, the later value stays: the clock never goes back.
	for known := s.total.Load(); isKnown && gone > known+int64(largestShift); known = s.total.Load() {
		if s.total.CompareAndSwap(known, gone) {
			break
		}
	}
	s.wallOffset.Store(offset)
}
