package feed

import (
	"crypto/sha256"
	"sync"

	"chat-auth/chatauth/internal/token"
)

// SessionEnd is a session that has ended, and why.
type SessionEnd struct {
	Session token.SessionID
	UserID  int64
	Reason  string
}

// OutdatedTokens says whose tokens became outdated: those of a session, or all those that a user has, if that is not 0.
type OutdatedTokens struct {
	Session token.SessionID
	UserID  int64
}

// listeners are called without any lock, in the order of the events.
type listeners struct {
	// onEnd is for a session that was not known to have ended.
	onEnd func(SessionEnd)
	// onOutdated is for tokens of sessions that may be live.
	onOutdated func(OutdatedTokens)
	// onUnreadable is for a row that was not known and cannot be read.
	onUnreadable func(problem string)
}

type outcome int

const (
	applied outcome = iota
	// gap: events are missing, a snapshot is needed.
	gap
	// measureAgain: the times of this connection are unreliable.
	measureAgain
)

// knowledge is the state after the feed events so far. Events may be reordered, repeated, or come from several connections:
// the same sessions are known as ended in the end, or a gap is returned. One goroutine applies events, any may read.
type knowledge struct {
	listeners listeners

	mutex sync.RWMutex
	store *store
	time  *ServiceTime
	// seq: every row up to it is known, if hasSnapshot. It belongs to log.
	seq         int64
	hasSnapshot bool
	log         logIdentity
	// logOfRows is the log that the seqs in the store belong to.
	logOfRows logIdentity
	// beforeTime has rows that came before the first service time. Which tokens are older than they is not known yet.
	beforeTime map[[sha256.Size]byte]unreadableRow
}

type logIdentity struct {
	name    string
	isKnown bool
}

func newKnowledge(maxStalenessMs float64, l listeners) *knowledge {
	return &knowledge{
		listeners:  l,
		store:      newStore(),
		time:       NewServiceTime(maxStalenessMs),
		beforeTime: map[[sha256.Size]byte]unreadableRow{},
	}
}

// apply takes an event that arrived at arrivedAt on the monotonic clock.
func (k *knowledge) apply(event feedEvent, arrivedAt float64) outcome {
	switch event.typ {
	case "snapshot":
		return k.applySnapshot(event, arrivedAt)
	case "revocations":
		k.addRows(event, arrivedAt)
		return applied
	case "revoked":
		k.merge(event, arrivedAt)
		return k.advance(event)
	default:
		return k.applyHeartbeat(event, arrivedAt)
	}
}

func (k *knowledge) applySnapshot(event feedEvent, arrivedAt float64) outcome {
	k.mutex.Lock()
	isGood := k.time.observe(event.serverTime, arrivedAt)
	early := make([]unreadableRow, 0, len(k.beforeTime))
	for _, row := range k.beforeTime {
		early = append(early, row)
	}
	clear(k.beforeTime)
	k.mutex.Unlock()
	k.merge(feedEvent{unreadable: early}, arrivedAt)
	k.addRows(event, arrivedAt)
	k.mutex.Lock()
	defer k.mutex.Unlock()
	// The seq may be lower than before: the log was set back or is another one. Known ends stay known.
	k.seq, k.hasSnapshot = event.seq, true
	k.log = logIdentity{event.log, event.hasLog}
	if !isGood {
		return measureAgain
	}
	k.time.completeUpTo(event.serverTime, arrivedAt)
	return applied
}

func (k *knowledge) advance(event feedEvent) outcome {
	// Without a readable seq, the next event shows a gap, and a snapshot fills it.
	if !event.hasSeq {
		return applied
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if !k.hasSnapshot || event.seq > k.seq+1 {
		return gap
	}
	k.seq = max(k.seq, event.seq)
	return applied
}

func (k *knowledge) applyHeartbeat(event feedEvent, arrivedAt float64) outcome {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if !k.hasSnapshot || event.seq > k.seq || k.log != (logIdentity{event.log, event.hasLog}) {
		return gap
	}
	// A heartbeat of an earlier seq does not prove that later rows are known.
	if event.seq < k.seq {
		return applied
	}
	if !k.time.observe(event.serverTime, arrivedAt) {
		return measureAgain
	}
	k.time.completeUpTo(event.serverTime, arrivedAt)
	k.store.unreadable.forget(arrivedAt)
	k.store.forget(k.time.now(arrivedAt))
	return applied
}

// knownSeq returns the seq up to which every row is known.
func (k *knowledge) knownSeq() int64 {
	k.mutex.RLock()
	defer k.mutex.RUnlock()
	return k.seq
}

// beginConnection starts measuring anew.
func (k *knowledge) beginConnection(sentAt float64) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.time.beginConnection(sentAt)
}

func (k *knowledge) stalenessMs(nowMs float64) float64 {
	k.mutex.RLock()
	defer k.mutex.RUnlock()
	return k.time.stalenessMs(nowMs)
}
