package clock

import (
	"testing"
	"time"
)

func TestATimerThatIsLateWaitsOnceMore(t *testing.T) {
	silence := AfterSilence(time.Hour, func() {})
	defer silence.Stop()
	isOverLate := func() bool {
		silence.dueAt = time.Now().Add(-time.Minute)
		return silence.ends()
	}
	if isOverLate() {
		t.Fatal("unread bytes get no time to arrive")
	}
	silence.Restart(time.Hour)
	if isOverLate() {
		t.Fatal("unread bytes get no time to arrive after a restart")
	}
	if !isOverLate() {
		t.Fatal("a timer that is late each time never ends")
	}
}
