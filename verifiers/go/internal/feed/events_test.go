package feed

import (
	"errors"
	"strings"
	"testing"
)

func readRows(t *testing.T, rows string) (feedEvent, error) {
	t.Helper()
	return readEvent(streamEvent{typ: "revocations", data: []byte(`{"revocations":[` + rows + `]}`)})
}

func TestRowsThatNameNobodyAreReportedAndNotKept(t *testing.T) {
	var reports, outdated int
	knowledge := newKnowledge(5_000, listeners{
		onEnd:        func(SessionEnd) {},
		onOutdated:   func(OutdatedTokens) { outdated++ },
		onUnreadable: func(string) { reports++ },
	})
	event, err := readRows(t, `null,1,{},{"seq":1},{"user_id":3},{"user_id":"3"}`)
	if err != nil {
		t.Fatal(err)
	}
	knowledge.time.beginConnection(0)
	knowledge.time.observe(1_000_000, 0)
	knowledge.apply(event, 0)
	if kept := len(knowledge.store.unreadable.kept); kept != 1 || outdated != 1 || reports != 2 {
		t.Errorf("kept %d rows, told of %d users, reported %d", kept, outdated, reports)
	}
}

func TestAnEventWithTooManyUnreadableRowsIsBroken(t *testing.T) {
	for _, row := range []string{`{},`, `{"user_id":3},`} {
		most := strings.Repeat(row, maxUnreadable-1) + strings.TrimSuffix(row, ",")
		if _, err := readRows(t, most); err != nil {
			t.Errorf("%s: got %v", row, err)
		}
		var broken brokenError
		if _, err := readRows(t, row+most); !errors.As(err, &broken) {
			t.Errorf("%s: got %v", row, err)
		}
	}
}
