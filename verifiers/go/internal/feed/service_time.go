package feed

import "math"

// ServiceTime is the service's time on the monotonic clock, and the age of what is known. The wall clock of the machine is
// not used. All times are in milliseconds.
//
// Let θ be "local clock minus service clock". The response to a request sent at s carries a server_time t0 that was read
// later, so θ >= s - t0, the base. Knowledge that was complete at service time t was complete at base + t on the local
// clock, or later. So its age is never underestimated, however long a network delays the stream.
type ServiceTime struct {
	maxStalenessMs float64
	sentAt         float64
	isMeasuring    bool
	base           float64
	completeAt     float64
}

// NewServiceTime knows no time yet.
func NewServiceTime(maxStalenessMs float64) *ServiceTime {
	return &ServiceTime{maxStalenessMs: maxStalenessMs, isMeasuring: true, base: math.NaN(), completeAt: math.Inf(-1)}
}

// beginConnection starts measuring anew: another instance may have another clock. sentAt is before the request was sent.
func (s *ServiceTime) beginConnection(sentAt float64) {
	s.sentAt, s.isMeasuring = sentAt, true
}

// observe takes a server_time that arrived on the current connection. It returns false if a clock jumped or the stream was
// delayed, so that times measured on this connection are unreliable.
func (s *ServiceTime) observe(serverTime, arrivedAt float64) bool {
	if s.isMeasuring || math.IsNaN(s.base) {
		s.isMeasuring = false
		s.base = s.sentAt - serverTime
		return true
	}
	// θ <= arrival - server_time always holds. If that is below the base, one of the clocks runs faster or has jumped.
	upperBound := arrivedAt - serverTime
	if math.Abs(s.base-upperBound) > s.maxStalenessMs/2 {
		return false
	}
	s.base = math.Min(s.base, upperBound)
	return true
}

// completeUpTo records that every end before serverTime, which was observed before, is known.
func (s *ServiceTime) completeUpTo(serverTime, arrivedAt float64) {
	if !math.IsNaN(s.base) {
		s.completeAt = math.Max(s.completeAt, math.Min(arrivedAt, s.base+serverTime))
	}
}

// stalenessMs is an upper bound of the age of what is known; infinite before the first snapshot.
func (s *ServiceTime) stalenessMs(nowMs float64) float64 { return nowMs - s.completeAt }

// now returns milliseconds since the epoch, ahead of the service by at most one round trip, never behind. It is NaN before
// the first event.
func (s *ServiceTime) now(nowMs float64) float64 { return nowMs - s.base }
