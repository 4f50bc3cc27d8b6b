package token

import "encoding/hex"

// SessionID is a session id in 16 bytes. A verifier may have to remember a million.
type SessionID [16]byte

// ParseSessionID accepts lower case only (RFC 9562, section 4), so that each session has one spelling.
func ParseSessionID(text string) (SessionID, bool) {
	var id SessionID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	at := 0
	for index := range id {
		if at == 8 || at == 13 || at == 18 || at == 23 {
			at++
		}
		high, low := digit(text[at]), digit(text[at+1])
		if high|low > 0xF {
			return id, false
		}
		id[index] = high<<4 | low
		at += 2
	}
	return id, true
}

func digit(char byte) byte {
	switch {
	case char >= '0' && char <= '9':
		return char - '0'
	case char >= 'a' && char <= 'f':
		return char - 'a' + 10
	}
	return 0xFF
}

func (id SessionID) String() string {
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
