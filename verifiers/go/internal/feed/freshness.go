package feed

import (
	"math"
	"sync"
	"time"

	"chat-auth/chatauth/internal/clock"
)

// freshness tells whether knowledge of ended sessions is recent enough to rely on, and when it no longer is.
type freshness struct {
	isFresh     func() bool
	stalenessMs func() float64
	limitMs     float64
	onStale     func()
	onFresh     func()

	mutex    sync.Mutex
	timer    *clock.Silence
	isClosed bool
}

// update is to be called after keys or a feed event arrived.
func (f *freshness) update() {
	if !f.isFresh() {
		return
	}
	f.mutex.Lock()
	if f.timer == nil && !f.isClosed {
		f.schedule()
	}
	f.mutex.Unlock()
	f.onFresh()
}

func (f *freshness) close() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.isClosed = true
	if f.timer != nil {
		f.timer.Stop()
	}
}

// schedule sets the timer for the moment after the limit. The mutex is held.
func (f *freshness) schedule() {
	delayMs := math.Max(0, f.limitMs-f.stalenessMs()) + 1
	f.timer = clock.AfterSilence(time.Duration(delayMs*float64(time.Millisecond)), f.check)
}

func (f *freshness) check() {
	f.mutex.Lock()
	f.timer = nil
	if f.isClosed {
		f.mutex.Unlock()
		return
	}
	if f.isFresh() {
		f.schedule()
		f.mutex.Unlock()
		return
	}
	f.mutex.Unlock()
	f.onStale()
}
