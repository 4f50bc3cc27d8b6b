package feed

import (
	"math"

	"chat-auth/chatauth/internal/token"
)

const (
	minuteMs = 60_000
	// forgetBatch takes a negligible time and keeps up with any feed.
	forgetBatch = 10_000
	// maxReasons is more than the service has. Any beyond this number are stored as unknownReason.
	maxReasons    = 32
	unknownReason = "ended"
)

// outdated describes a live session of which older tokens are refused, because newer ones carry other roles.
type outdated struct {
	upToGeneration int64
	// revision of the store after the last change of this session.
	revision uint64
	// seq tells a second change of the same generation from a repeated row.
	seq    int64
	minute int64
}

// store holds the ended sessions, and the live ones with refused tokens, each until none of those tokens can be valid.
// Adding is idempotent and commutative and nothing else removes a session, so an ended session never comes back.
//
// It is built for a million sessions: each has one map entry, whose value is a number (expiry minute and reason), and one
// entry in the list of that minute.
type store struct {
	ends       map[token.SessionID]int64
	outdated   map[token.SessionID]outdated
	byMinute   map[int64][]token.SessionID
	reasons    []string
	unreadable *unreadableRows
	// forgottenUpTo is in milliseconds. Tokens that expire up to it are refused, because ended sessions may be forgotten.
	forgottenUpTo float64
	// revision counts the changes of outdated tokens.
	revision uint64
}

func newStore() *store {
	return &store{
		ends:          map[token.SessionID]int64{},
		outdated:      map[token.SessionID]outdated{},
		byMinute:      map[int64][]token.SessionID{},
		reasons:       []string{unknownReason},
		unreadable:    newUnreadableRows(),
		forgottenUpTo: math.Inf(-1),
	}
}

// add returns true if the row is new and still matters at nowMs, the service's time; NaN if that is not known.
func (s *store) add(r row, nowMs float64) bool {
	minute := max(0, int64(r.expiresMs)/minuteMs)
	if endOf(minute) <= nowMs {
		// Its tokens have expired. They stay expired if the service's clock is set back.
		s.forgottenUpTo = math.Max(s.forgottenUpTo, endOf(minute))
		return false
	}
	if r.upToGeneration < 0 {
		return s.addEnd(r, minute)
	}
	return s.addOutdated(r, minute)
}

func (s *store) addEnd(r row, minute int64) bool {
	known, isKnown := s.ends[r.session]
	if isKnown && known/maxReasons >= minute {
		return false
	}
	// The first reason stays.
	reason := known % maxReasons
	if !isKnown {
		reason = s.reasonIndex(r.reason)
	}
	s.ends[r.session] = minute*maxReasons + reason
	s.byMinute[minute] = append(s.byMinute[minute], r.session)
	return !isKnown
}

// addOutdated keeps, in any order of the rows, the highest generation, the highest seq and the latest expiry.
func (s *store) addOutdated(r row, minute int64) bool {
	known, isKnown := s.outdated[r.session]
	if !isKnown {
		known = outdated{upToGeneration: -1, seq: -1, minute: -1}
	}
	isNew := r.upToGeneration > known.upToGeneration || r.seq > known.seq
	if !isNew && minute <= known.minute {
		return false
	}
	if isNew {
		s.revision++
		known.revision = s.revision
	}
	if minute > known.minute {
		s.byMinute[minute] = append(s.byMinute[minute], r.session)
	}
	s.outdated[r.session] = outdated{
		upToGeneration: max(r.upToGeneration, known.upToGeneration),
		revision:       known.revision,
		seq:            max(r.seq, known.seq),
		minute:         max(minute, known.minute),
	}
	return isNew
}

// addUnreadable returns true if the row is new. nowMs is the service's time, arrivedAt is on the monotonic clock.
func (s *store) addUnreadable(r unreadableRow, nowMs, arrivedAt float64) bool {
	if !s.unreadable.add(r, nowMs, arrivedAt, s.revision+1) {
		return false
	}
	s.revision++
	return true
}

// forgetSeqs is for rows of another log, which may have other revocations at the same seqs.
func (s *store) forgetSeqs() {
	for session, entry := range s.outdated {
		entry.seq = -1
		s.outdated[session] = entry
	}
}

// reasonOf returns false if the session is not known to have ended.
func (s *store) reasonOf(session token.SessionID) (string, bool) {
	end, isKnown := s.ends[session]
	if !isKnown {
		return "", false
	}
	return s.reasons[end%maxReasons], true
}

// revisionOutdating returns the revision of the last change because of which a token is outdated; 0 if none is.
func (s *store) revisionOutdating(subject Subject) uint64 {
	revision := s.unreadable.revisionRefusing(subject)
	entry, isKnown := s.outdated[subject.Session]
	if isKnown && subject.Generation <= entry.upToGeneration {
		revision = max(revision, entry.revision)
	}
	return revision
}

// forget removes sessions whose tokens have expired at nowMs, the service's time; a bounded number per call.
func (s *store) forget(nowMs float64) {
	left := forgetBatch
	for minute, sessions := range s.byMinute {
		if endOf(minute) > nowMs {
			continue
		}
		s.forgottenUpTo = math.Max(s.forgottenUpTo, endOf(minute))
		count := min(left, len(sessions))
		for _, session := range sessions[len(sessions)-count:] {
			s.forgetOne(session, minute)
		}
		left -= count
		if count < len(sessions) {
			s.byMinute[minute] = sessions[:len(sessions)-count]
			return
		}
		delete(s.byMinute, minute)
	}
}

func (s *store) forgetOne(session token.SessionID, minute int64) {
	// Another row of the same session may have moved it to a later minute.
	if end, isKnown := s.ends[session]; isKnown && end/maxReasons == minute {
		delete(s.ends, session)
	}
	if entry, isKnown := s.outdated[session]; isKnown && entry.minute == minute {
		delete(s.outdated, session)
	}
}

func (s *store) reasonIndex(reason string) int64 {
	for index, known := range s.reasons {
		if known == reason {
			return int64(index)
		}
	}
	if len(s.reasons) == maxReasons {
		return 0
	}
	s.reasons = append(s.reasons, reason)
	return int64(len(s.reasons) - 1)
}

func endOf(minute int64) float64 { return float64(minute+1) * minuteMs }
