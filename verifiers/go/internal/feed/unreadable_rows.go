package feed

import (
	"crypto/sha256"
	"math"

	"chat-auth/chatauth/internal/token"
)

const (
	// keptMs is the longest ACCESS_TOKEN_TTL of the service. After it, no token is left that the row could have meant.
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
}

type keptRow struct {
	fingerprint [sha256.Size]byte
	expiresMs   float64
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

// add returns true if the row is new.
func (u *unreadableRows) add(r unreadableRow, nowMs float64, revision uint64) bool {
	if _, isKnown := u.known[r.fingerprint]; isKnown {
		return false
	}
	u.known[r.fingerprint] = struct{}{}
	u.kept = append(u.kept, keptRow{r.fingerprint, nowMs + keptMs})
	if r.userID != 0 {
		u.ofUser[r.userID] = later(u.ofUser, r.userID, nowMs, revision)
	} else {
		u.ofSession[r.session] = later(u.ofSession, r.session, nowMs, revision)
	}
	return true
}

func later[K comparable](known map[K]refused, key K, nowMs float64, revision uint64) refused {
	return refused{math.Max(known[key].issuedUpToMs, nowMs+clockSkewMs), revision}
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

// forget returns up to which expiry tokens may have been refused by what it forgot; -Inf if it forgot nothing.
func (u *unreadableRows) forget(nowMs float64) (forgottenUpTo float64) {
	for len(u.kept) > 0 && u.kept[0].expiresMs <= nowMs {
		delete(u.known, u.kept[0].fingerprint)
		u.kept = u.kept[1:]
	}
	return math.Max(forgetRefused(u.ofUser, nowMs), forgetRefused(u.ofSession, nowMs))
}

func forgetRefused[K comparable](entries map[K]refused, nowMs float64) float64 {
	forgottenUpTo := math.Inf(-1)
	for key, entry := range entries {
		if lastExpiry := entry.issuedUpToMs + keptMs; lastExpiry <= nowMs {
			delete(entries, key)
			forgottenUpTo = math.Max(forgottenUpTo, lastExpiry)
		}
	}
	return forgottenUpTo
}
