// Package feed follows the revocation feed and knows which sessions have ended.
package feed

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// streamEvent is one event of a text/event-stream.
type streamEvent struct {
	typ  string
	data []byte
	// id is the last event id so far, if hasID.
	id    string
	hasID bool
}

// maxKeptLine bounds the buffer that is kept after a long line.
const maxKeptLine = 64 * 1024

var (
	errTooLarge = errors.New("an event of the feed is too large")
	byteOrder   = []byte("\xEF\xBB\xBF")
)

// streamParser parses server-sent events (HTML standard, section 9.2.6) from chunks that may be split anywhere.
type streamParser struct {
	// onEvent stops the parser if it returns an error.
	onEvent  func(streamEvent) error
	maxBytes int
	// retryMs is the last retry of the stream, if it is not negative.
	retryMs int

	line         []byte
	bytes        int
	skipLineFeed bool
	isBegun      bool
	typ          string
	data         []byte
	hasData      bool
	lastID       string
	hasID        bool
}

func newStreamParser(maxBytes int, onEvent func(streamEvent) error) *streamParser {
	return &streamParser{onEvent: onEvent, maxBytes: maxBytes, retryMs: -1}
}

// insideEvent is true while an event is incomplete. A comment is none, even if its line is.
func (p *streamParser) insideEvent() bool {
	return p.hasData || p.typ != "" || len(p.line) > 0 && p.line[0] != ':'
}

func (p *streamParser) push(chunk []byte) error {
	if p.skipLineFeed && len(chunk) > 0 {
		p.skipLineFeed = false
		if chunk[0] == '\n' {
			chunk = chunk[1:]
		}
	}
	for {
		end := bytes.IndexAny(chunk, "\r\n")
		if end < 0 {
			return p.take(chunk)
		}
		if err := p.take(chunk[:end]); err != nil {
			return err
		}
		isCarriageReturn := chunk[end] == '\r'
		chunk = chunk[end+1:]
		if isCarriageReturn {
			p.skipLineFeed = len(chunk) == 0
			chunk = bytes.TrimPrefix(chunk, []byte{'\n'})
		}
		if err := p.endLine(p.line); err != nil {
			return err
		}
		p.line = p.line[:0]
		if cap(p.line) > maxKeptLine {
			p.line = nil
		}
	}
}

func (p *streamParser) take(part []byte) error {
	p.bytes += len(part)
	if p.bytes > p.maxBytes {
		return errTooLarge
	}
	p.line = append(p.line, part...)
	return nil
}

// endLine reads a complete line and keeps nothing of it.
func (p *streamParser) endLine(line []byte) error {
	if !p.isBegun {
		p.isBegun = true
		line = bytes.TrimPrefix(line, byteOrder)
	}
	if len(line) == 0 {
		return p.dispatch()
	}
	name, value, hasColon := bytes.Cut(line, []byte{':'})
	if hasColon && len(name) == 0 {
		// A comment outside of an event does not count towards its size.
		if !p.hasData && p.typ == "" {
			p.bytes = 0
		}
		return nil
	}
	p.readField(string(name), bytes.TrimPrefix(value, []byte{' '}))
	return nil
}

func (p *streamParser) readField(name string, value []byte) {
	switch name {
	case "event":
		p.typ = string(value)
	case "data":
		if p.hasData {
			p.data = append(p.data, '\n')
		}
		p.data, p.hasData = append(p.data, value...), true
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			p.lastID, p.hasID = string(value), true
		}
	case "retry":
		if ms, isNumber := readDigits(value); isNumber {
			p.retryMs = ms
		}
	}
}

func readDigits(value []byte) (int, bool) {
	number := 0
	for _, digit := range value {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		number = number*10 + int(digit-'0')
	}
	return number, len(value) >= 1 && len(value) <= 9
}

func (p *streamParser) dispatch() error {
	event := streamEvent{typ: p.typ, data: p.data, id: p.lastID, hasID: p.hasID}
	hasData := p.hasData
	p.typ, p.data, p.hasData, p.bytes = "", nil, false, 0
	if !hasData {
		return nil
	}
	// Bytes that are not UTF-8 are replaced, as the standard says.
	if !utf8.Valid(event.data) {
		event.data = bytes.ToValidUTF8(event.data, []byte("\uFFFD"))
	}
	return p.onEvent(event)
}
