package feed

import (
	"crypto/sha256"
	"maps"
	"math"

	"chat-auth/chatauth/internal/token"
)

const (
	// keptMs is the longest ACCESS_TOKEN_TTL of the service. After it, no token is left that the row could have meant. It
	// runs on the monotonic clock: a clock of the service that is ahead for a moment must not end a refusal.
	keptMs = 86_400_000
	// clockSkewMs is how far the clocks of two instances may be apart.
	clockSkewMs = 1_000
)

// Subject is what a token says about its holder, as far as the feed may refuse it.
type Subject struct {
	Session    token.SessionID
	UserID     int64
	Generation int64
	// IssuedAt is in seconds.
	IssuedAt int64
}

// refused tokens are those that were issued up to a time, in milliseconds.
type refused struct {
	issuedUpToMs float64
	revision     uint64
	// forgottenAt is on the monotonic clock.
	forgottenAt float64
}

type keptRow struct {
	fingerprint [sha256.Size]byte
	// forgottenAt is on the monotonic clock.
	forgottenAt float64
}

// unreadableRows refuses the tokens that users have when an unreadable row arrives. The row may say anything, but it
// concerns only tokens issued before: the service considers it when it issues later ones. So a refresh shows whether the
// session has ended.
type unreadableRows struct {
	known map[[sha256.Size]byte]struct{}
	// kept has the known rows in the order of their arrival.
	kept      []keptRow
	ofUser    map[int64]refused
	ofSession map[token.SessionID]refused
}

func newUnreadableRows() *unreadableRows {
	return &unreadableRows{
		known:     map[[sha256.Size]byte]struct{}{},
		ofUser:    map[int64]refused{},
		ofSession: map[token.SessionID]refused{},
	}
}

// add returns true if the row is new. nowMs is the service's time, arrivedAt is on the monotonic clock.
func (u *unreadableRows) add(r unreadableRow, nowMs, arrivedAt float64, revision uint64) bool {
	if _, isKnown := u.known[r.fingerprint]; isKnown {
		return false
	}
	u.known[r.fingerprint] = struct{}{}
	forgottenAt := arrivedAt + keptMs + clockSkewMs
	u.kept = append(u.kept, keptRow{r.fingerprint, forgottenAt})
	entry := refused{nowMs + clockSkewMs, revision, forgottenAt}
	if r.userID != 0 {
		u.ofUser[r.userID] = later(u.ofUser[r.userID], entry)
	} else {
		u.ofSession[r.session] = later(u.ofSession[r.session], entry)
	}
	return true
}

func later(known, entry refused) refused {
	entry.issuedUpToMs = math.Max(known.issuedUpToMs, entry.issuedUpToMs)
	return entry
}

// revisionRefusing returns the revision of the last change because of which a token is refused; 0 if it is not.
func (u *unreadableRows) revisionRefusing(subject Subject) uint64 {
	var revision uint64
	for _, entry := range []refused{u.ofUser[subject.UserID], u.ofSession[subject.Session]} {
		if entry.revision > 0 && float64(subject.IssuedAt)*1000 <= entry.issuedUpToMs {
			revision = max(revision, entry.revision)
		}
	}
	return revision
}

// forget removes what came too long before monotonicMs.
func (u *unreadableRows) forget(monotonicMs float64) {
	for len(u.kept) > 0 && u.kept[0].forgottenAt <= monotonicMs {
		delete(u.known, u.kept[0].fingerprint)
		u.kept = u.kept[1:]
	}
	forgetRefused(u.ofUser, monotonicMs)
	forgetRefused(u.ofSession, monotonicMs)
}

func forgetRefused[K comparable](entries map[K]refused, monotonicMs float64) {
	maps.DeleteFunc(entries, func(_ K, entry refused) bool { return entry.forgottenAt <= monotonicMs })
}
