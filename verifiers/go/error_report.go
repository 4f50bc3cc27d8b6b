package chatauth

import (
	"sync"
	"time"

	"chat-auth/chatauth/internal/recent"
)

const messagesRemembered = 100

// errorReport passes errors on, each message at most once in a while.
type errorReport struct {
	onError     func(error)
	repeatAfter time.Duration
	mutex       sync.Mutex
	reportedAt  *recent.Map[string, time.Time]
}

func newErrorReport(onError func(error), repeatAfter time.Duration) *errorReport {
	return &errorReport{
		onError:     onError,
		repeatAfter: repeatAfter,
		reportedAt:  recent.NewMap[string, time.Time](messagesRemembered),
	}
}

func (r *errorReport) report(err error) {
	if r.isDue(err.Error()) {
		r.onError(err)
	}
}

func (r *errorReport) isDue(message string) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	at, isKnown := r.reportedAt.Get(message)
	if isKnown && time.Since(at) < r.repeatAfter {
		return false
	}
	r.reportedAt.Set(message, time.Now())
	return true
}
