package clock

import (
	"runtime"
	"testing"
	"time"
)

func TestTheClockGoesOnWhileTheMachineIsSuspended(t *testing.T) {
	start, uptime, reads := time.UnixMilli(1_769_860_800_000), 500*time.Second, 0
	s := newSuspension(start, func() (time.Duration, bool) { reads++; return uptime, true })
	var elapsed time.Duration
	wall := start
	expect := func(what string, want time.Duration, wantReads int) {
		t.Helper()
		if got := s.at(elapsed, wall); got != want || reads != wantReads {
			t.Errorf("%s: %v suspended after %d reads, want %v after %d", what, got, reads, want, wantReads)
		}
	}
	pass := func(d time.Duration) { elapsed, wall, uptime = elapsed+d, wall.Add(d), uptime+d }
	suspend := func(d time.Duration) { wall, uptime = wall.Add(d), uptime+d }
	pass(time.Hour)
	expect("nothing happened", 0, 1)
	suspend(8 * time.Second)
	expect("a suspension", 8*time.Second, 2)
	pass(time.Second)
	expect("after it", 8*time.Second, 2)
	wall = wall.Add(time.Hour)
	expect("the wall clock was set", 8*time.Second, 3)
	wall = wall.Add(-3 * time.Hour)
	expect("the wall clock was set back", 8*time.Second, 4)
	suspend(5 * time.Second)
	expect("another suspension", 13*time.Second, 5)
	uptime -= time.Minute
	wall = wall.Add(time.Second)
	expect("an uptime that goes back", 13*time.Second, 6)
}

func TestTheUptimeOfTheMachineGoesOn(t *testing.T) {
	first, isKnown := sinceBoot()
	if isKnown != (runtime.GOOS == "linux") {
		t.Fatalf("known: %v", isKnown)
	}
	if second, _ := sinceBoot(); second < first {
		t.Errorf("%v, then %v", first, second)
	}
}
