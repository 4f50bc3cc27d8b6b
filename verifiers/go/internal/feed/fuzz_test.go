package feed

import (
	"fmt"
	"testing"
)

// FuzzStream parses a stream in one piece and byte by byte. Both must give the same events, and reading them must not panic.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{
		"event: snapshot\ndata: {\"log\":\"l\",\"seq\":0,\"server_time\":\"2026-01-31T12:00:00.000Z\",\"revocations\":[]}\n\n",
		"\xEF\xBB\xBFid: 1\r\nevent:revoked\rdata: {\"seq\":1}\n\r\n", ": comment\n\nretry: 10\n\ndata\ndata\n\n", "id: a\x00\ndata: \xff\n\n",
		"event: revocations\ndata: {\"revocations\":[null,[],{},{\"user_id\":3}]}\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, pieces := parse(t, stream, len(stream)), parse(t, stream, 1)
		if whole != pieces {
			t.Fatalf("got %s in one piece and %s byte by byte", whole, pieces)
		}
	})
}

func parse(t *testing.T, stream []byte, size int) string {
	var events string
	knowledge := newKnowledge(5_000, listeners{
		onEnd: func(SessionEnd) {}, onOutdated: func(OutdatedTokens) {}, onUnreadable: func(string) {},
	})
	parser := newStreamParser(1<<20, func(event streamEvent) error {
		events += fmt.Sprintf("%q %q %q %v\n", event.typ, event.data, event.id, event.hasID)
		if read, err := readEvent(event); err == nil && read.typ != "" {
			knowledge.apply(read, 1_000)
		}
		return nil
	})
	for len(stream) > 0 {
		size = min(size, len(stream))
		if err := parser.push(stream[:size]); err != nil {
			t.Fatal(err)
		}
		stream = stream[size:]
	}
	return events + fmt.Sprint(parser.retryMs)
}
