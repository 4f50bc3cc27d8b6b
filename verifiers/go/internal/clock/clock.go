// Package clock gives time and randomness, so that tests can control them.
package clock

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Clock is a source of time. Its monotonic time starts at 0 and never decreases.
type Clock struct {
	start      time.Time
	suspension *suspension
	// Wall returns the time of the machine's wall clock.
	Wall func() time.Time
	// Random returns a number from 0 up to, but not including, 1.
	Random func() float64
}

// System returns a clock that reads the clocks of the machine.
func System() *Clock {
	now := time.Now()
	return &Clock{start: now, suspension: newSuspension(now, sinceBoot), Wall: time.Now, Random: rand.Float64}
}

// NowMs returns the monotonic time in milliseconds. It goes on while the machine is suspended.
func (c *Clock) NowMs() float64 {
	now := time.Now()
	elapsed := now.Sub(c.start)
	return Ms(elapsed + c.suspension.at(elapsed, now))
}

// WallMs returns the wall clock in milliseconds since the epoch.
func (c *Clock) WallMs() float64 { return float64(c.Wall().UnixMicro()) / 1000 }

// Jittered returns a duration between half of d and all of it, so that many verifiers do not return at the same moment.
func (c *Clock) Jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.5 + c.Random()/2))
}

// Ms returns a duration in milliseconds.
func Ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// late means that the process did not run for a while, and that unread bytes may be waiting.
const late = 50 * time.Millisecond

// Silence is a timer for data that does not arrive. If the process was stopped, pending data is read first.
type Silence struct {
	mutex  sync.Mutex
	timer  *time.Timer
	dueAt  time.Time
	onEnd  func()
	isOver bool
	// wasLate is true while the timer waits a second time, for unread bytes.
	wasLate bool
}

// AfterSilence calls onEnd after d, unless the timer is restarted or stopped before.
func AfterSilence(d time.Duration, onEnd func()) *Silence {
	s := &Silence{onEnd: onEnd}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.dueAt = time.Now().Add(d)
	s.timer = time.AfterFunc(d, s.fire)
	return s
}

// Restart begins to wait anew.
func (s *Silence) Restart(d time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.isOver {
		return
	}
	s.wasLate = false
	s.dueAt = time.Now().Add(d)
	s.timer.Reset(d)
}

// Stop ends the waiting.
func (s *Silence) Stop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.isOver = true
	s.timer.Stop()
}

func (s *Silence) fire() {
	if s.ends() {
		s.onEnd()
	}
}

func (s *Silence) ends() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	overdue := time.Since(s.dueAt)
	switch {
	case s.isOver:
		return false
	case overdue < 0: // Restarted while it fired.
		return false
	case overdue > late && !s.wasLate:
		s.wasLate = true
		s.dueAt = time.Now().Add(late)
		s.timer.Reset(late)
		return false
	}
	s.isOver = true
	return true
}

// FormatMs writes milliseconds since the epoch as in RFC 3339.
func FormatMs(ms float64) string {
	return time.UnixMilli(int64(ms)).UTC().Format("2006-01-02T15:04:05.000Z")
}
