// Package strictjson reads JSON as RFC 8259 defines it, and shows repeated names. Package encoding/json accepts names in
// another case and bytes that are not UTF-8, and keeps one of two repeated names silently.
package strictjson

import "errors"

// maxDepth bounds the recursion. A stack overflow ends the whole process.
const maxDepth = 10_000

var errSyntax = errors.New("not valid JSON")

// scanner checks the grammar and moves over values without decoding them.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) skipSpace() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// take moves over one expected byte.
func (s *scanner) take(expected byte) bool {
	if s.at < len(s.text) && s.text[s.at] == expected {
		s.at++
		return true
	}
	return false
}

// value moves over one value and returns its text.
func (s *scanner) value(depth int) (Value, error) {
	start := s.at
	if s.at >= len(s.text) || depth > maxDepth {
		return nil, errSyntax
	}
	var err error
	switch s.text[s.at] {
	case '{':
		err = s.object(depth, nil)
	case '[':
		err = s.array(depth, nil)
	case '"':
		err = s.string()
	case 't':
		err = s.literal("true")
	case 'f':
		err = s.literal("false")
	case 'n':
		err = s.literal("null")
	default:
		err = s.number()
	}
	return Value(s.text[start:s.at]), err
}

// object moves over an object and passes its members to visit, unless that is nil.
func (s *scanner) object(depth int, visit func(name string, value Value)) error {
	s.at++
	s.skipSpace()
	if s.take('}') {
		return nil
	}
	for {
		start := s.at
		if s.at >= len(s.text) || s.text[s.at] != '"' {
			return errSyntax
		}
		if err := s.string(); err != nil {
			return err
		}
		name := Value(s.text[start:s.at])
		s.skipSpace()
		if !s.take(':') {
			return errSyntax
		}
		s.skipSpace()
		value, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		if visit != nil {
			text, _ := name.Text()
			visit(text, value)
		}
		s.skipSpace()
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return errSyntax
		}
		s.skipSpace()
	}
}

// array moves over an array and passes its items to visit, unless that is nil.
func (s *scanner) array(depth int, visit func(Value)) error {
	s.at++
	s.skipSpace()
	if s.take(']') {
		return nil
	}
	for {
		value, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		if visit != nil {
			visit(value)
		}
		s.skipSpace()
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return errSyntax
		}
		s.skipSpace()
	}
}

func (s *scanner) string() error {
	s.at++
	for s.at < len(s.text) {
		switch char := s.text[s.at]; {
		case char == '"':
			s.at++
			return nil
		case char < ' ':
			return errSyntax
		case char == '\\':
			if !s.escape() {
				return errSyntax
			}
		default:
			s.at++
		}
	}
	return errSyntax
}

func (s *scanner) escape() bool {
	if s.at+1 >= len(s.text) {
		return false
	}
	switch s.text[s.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return true
	case 'u':
		if _, isHex := hex4(s.text[s.at+2:]); isHex {
			s.at += 6
			return true
		}
	}
	return false
}

func (s *scanner) number() error {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return errSyntax
	}
	if s.take('.') && !s.digits() {
		return errSyntax
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return errSyntax
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

func (s *scanner) literal(word string) error {
	end := s.at + len(word)
	if end > len(s.text) || string(s.text[s.at:end]) != word {
		return errSyntax
	}
	s.at = end
	return nil
}
