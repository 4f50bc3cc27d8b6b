package strictjson

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Value is the text of one valid value, without white space around it; nil for a member that is missing.
type Value []byte

// IsObject tells whether the value is an object.
func (v Value) IsObject() bool { return len(v) > 0 && v[0] == '{' }

// IsArray tells whether the value is an array.
func (v Value) IsArray() bool { return len(v) > 0 && v[0] == '[' }

// Text returns the decoded string, or false if the value is not a string.
func (v Value) Text() (string, bool) {
	if len(v) < 2 || v[0] != '"' {
		return "", false
	}
	body := v[1 : len(v)-1]
	if bytes.IndexByte(body, '\\') < 0 {
		return string(body), true
	}
	return unescape(body), true
}

// Number returns the value as an IEEE double (RFC 7493, section 2.2), or false if it is not a number.
func (v Value) Number() (float64, bool) {
	if len(v) == 0 || (v[0] != '-' && (v[0] < '0' || v[0] > '9')) {
		return 0, false
	}
	// An error of the range comes with an infinity, which is not a whole number.
	number, _ := strconv.ParseFloat(string(v), 64)
	return number, true
}

// Whole returns a whole number from min to max, however it is written: 600, 600.0 and 6e2 are the same.
func (v Value) Whole(min, max int64) (int64, bool) {
	number, isNumber := v.Number()
	if !isNumber || number != math.Trunc(number) || number < float64(min) || number > float64(max) {
		return 0, false
	}
	return int64(number), true
}

// Texts returns the strings of an array of strings, or false for anything else.
func (v Value) Texts() ([]string, bool) {
	if !v.IsArray() {
		return nil, false
	}
	texts, areTexts := []string{}, true
	err := EachItem(v, func(item Value) {
		text, isText := item.Text()
		areTexts = areTexts && isText
		texts = append(texts, text)
	})
	return texts, areTexts && err == nil
}

// Length counts UTF-16 code units, as other verifiers do.
func Length(text string) int {
	length := 0
	for _, char := range text {
		length++
		if char >= 0x10000 {
			length++
		}
	}
	return length
}

func unescape(body []byte) string {
	text := make([]byte, 0, len(body))
	for at := 0; at < len(body); {
		if body[at] != '\\' {
			text = append(text, body[at])
			at++
			continue
		}
		if body[at+1] != 'u' {
			text = append(text, unescaped[body[at+1]])
			at += 2
			continue
		}
		char, size := unicodeEscape(body[at:])
		text = appendRune(text, char)
		at += size
	}
	return string(text)
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unicodeEscape reads an escape, or the two of a surrogate pair.
func unicodeEscape(text []byte) (rune, int) {
	first, _ := hex4(text[2:])
	if !utf16.IsSurrogate(first) || len(text) < 12 || text[6] != '\\' || text[7] != 'u' {
		return first, 6
	}
	second, _ := hex4(text[8:])
	if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
		return pair, 12
	}
	return first, 6
}

// appendRune keeps a lone surrogate apart from U+FFFD and from other surrogates, so that different names stay different.
func appendRune(text []byte, char rune) []byte {
	if utf16.IsSurrogate(char) {
		return append(text, 0xE0|byte(char>>12), 0x80|byte(char>>6)&0x3F, 0x80|byte(char)&0x3F)
	}
	return utf8.AppendRune(text, char)
}

func hex4(text []byte) (rune, bool) {
	if len(text) < 4 {
		return 0, false
	}
	var char rune
	for _, digit := range text[:4] {
		switch {
		case digit >= '0' && digit <= '9':
			char = char<<4 | rune(digit-'0')
		case digit >= 'a' && digit <= 'f':
			char = char<<4 | rune(digit-'a'+10)
		case digit >= 'A' && digit <= 'F':
			char = char<<4 | rune(digit-'A'+10)
		default:
			return 0, false
		}
	}
	return char, true
}
