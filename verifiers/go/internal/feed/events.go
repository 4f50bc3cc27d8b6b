package feed

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"chat-auth/chatauth/internal/strictjson"
	"chat-auth/chatauth/internal/token"
)

const (
	maxSeq        = 1<<53 - 1
	maxUserID     = 1<<53 - 1
	maxGeneration = 1<<31 - 1
	maxReason     = 100
	// maxUnreadable is how many rows of one event may be unreadable. A newer service adds a few.
	maxUnreadable = 100_000
)

// brokenError says that the feed sent invalid data or lost events, so that a new snapshot is needed.
type brokenError string

func (e brokenError) Error() string { return string(e) }

// row is a row of the log that can be read. Times are milliseconds since the epoch.
type row struct {
	seq     int64
	session token.SessionID
	userID  int64
	reason  string
	// upToGeneration is negative if the session has ended. Otherwise it lives, and its tokens up to this one are refused.
	upToGeneration int64
	expiresMs      float64
}

// unreadableRow is a row that this version cannot read, and what it names.
type unreadableRow struct {
	// fingerprint tells the row in the next snapshot from other rows.
	fingerprint [sha256.Size]byte
	// userID is 0 if it cannot be read. Only then the session counts, if hasSession.
	userID     int64
	session    token.SessionID
	hasSession bool
	problem    string
}

// feedEvent is a snapshot, a part of one, a row, or a heartbeat.
type feedEvent struct {
	typ string
	// log is the identity of the log. A service of an earlier version sends none.
	log        string
	hasLog     bool
	seq        int64
	hasSeq     bool
	serverTime float64
	rows       []row
	// unreadable has those rows that cannot be read but name somebody. unreadableCount counts the others as well.
	unreadable      []unreadableRow
	unreadableCount int
	// nameless is the problem of the last row that names nobody; empty if there is none.
	nameless string
}

// readEvent returns an event without a type if only newer versions know its type.
func readEvent(streamed streamEvent) (feedEvent, error) {
	switch streamed.typ {
	case "snapshot", "revocations", "revoked", "heartbeat":
	default:
		return feedEvent{}, nil
	}
	body, err := strictjson.ReadObject(streamed.data)
	if err != nil {
		return feedEvent{}, brokenError("an event of the feed is not a JSON object")
	}
	event := feedEvent{typ: streamed.typ}
	event.log, event.hasLog = body.Get("log").Text()
	if event.typ == "snapshot" || event.typ == "heartbeat" {
		err = event.readPosition(body)
	}
	if err == nil && (event.typ == "snapshot" || event.typ == "revocations") {
		err = event.readRows(body.Get("revocations"))
	}
	if event.typ == "revoked" {
		event.seq, event.hasSeq = body.Get("seq").Whole(0, maxSeq)
		event.readRow(bytes.TrimSpace(streamed.data))
	}
	return event, err
}

func (e *feedEvent) readPosition(body strictjson.Object) error {
	e.seq, e.hasSeq = body.Get("seq").Whole(0, maxSeq)
	if !e.hasSeq {
		return brokenError("an event of the feed has no valid seq")
	}
	var isTime bool
	if e.serverTime, isTime = readTime(body.Get("server_time")); !isTime {
		return brokenError("a time of the feed is not in the format of RFC 3339")
	}
	return nil
}

func (e *feedEvent) readRows(rows strictjson.Value) error {
	if strictjson.EachItem(rows, e.readRow) != nil {
		return brokenError("a snapshot of the feed has no list of revocations")
	}
	if e.unreadableCount > maxUnreadable {
		return brokenError("too many rows of the feed cannot be read")
	}
	return nil
}

func (e *feedEvent) readRow(text strictjson.Value) {
	if e.unreadableCount > maxUnreadable {
		return
	}
	fields, err := strictjson.ReadObject(text)
	if err == nil {
		var read row
		if read, err = readKnownRow(fields); err == nil {
			e.rows = append(e.rows, read)
			return
		}
	}
	e.unreadableCount++
	if named, isNamed := nameSubject(text, fields, err); isNamed {
		e.unreadable = append(e.unreadable, named)
	} else {
		e.nameless = err.Error()
	}
}

// readKnownRow reads a row of the log and ignores its unknown fields.
func readKnownRow(fields strictjson.Object) (row, error) {
	var isSeq, isSession, isUser, isTime bool
	read := row{upToGeneration: -1}
	read.seq, isSeq = fields.Get("seq").Whole(0, maxSeq)
	if !isSeq {
		return row{}, errors.New("a revocation of the feed has no valid seq")
	}
	sid, _ := fields.Get("sid").Text()
	read.session, isSession = token.ParseSessionID(sid)
	read.userID, isUser = fields.Get("user_id").Whole(1, maxUserID)
	reason, isText := fields.Get("reason").Text()
	if !isSession || !isUser || !isText || strictjson.Length(reason) > maxReason {
		return row{}, errors.New("a revocation of the feed has an invalid field")
	}
	read.reason = reason
	if read.expiresMs, isTime = readTime(fields.Get("expires_at")); !isTime {
		return row{}, errors.New("a time of the feed is not in the format of RFC 3339")
	}
	if fields.Has("up_to_generation") {
		var isGeneration bool
		read.upToGeneration, isGeneration = fields.Get("up_to_generation").Whole(0, maxGeneration)
		if !isGeneration {
			return row{}, errors.New("a revocation of the feed has an invalid generation")
		}
	}
	return read, nil
}

// nameSubject returns the user of a row that cannot be read; without a user, its session. It returns false without both:
// then there is nothing to refuse or to remember.
func nameSubject(text strictjson.Value, fields strictjson.Object, problem error) (unreadableRow, bool) {
	unreadable := unreadableRow{problem: problem.Error()}
	userID, isUser := fields.Get("user_id").Whole(1, maxUserID)
	if isUser {
		unreadable.userID = userID
	} else {
		sid, _ := fields.Get("sid").Text()
		unreadable.session, unreadable.hasSession = token.ParseSessionID(sid)
		if !unreadable.hasSession {
			return unreadableRow{}, false
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, text) != nil {
		compact.Write(text)
	}
	unreadable.fingerprint = sha256.Sum256(compact.Bytes())
	return unreadable, true
}
