package chatauth

import (
	"log"
	"regexp"
	"sync"
	"time"

	"chat-auth/chatauth/internal/recent"
)

const messagesRemembered = 100

// localAddress is the part of a message of package net that differs with each connection: its own port.
var localAddress = regexp.MustCompile(`\S+->`)

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
	if !r.isDue(localAddress.ReplaceAllString(err.Error(), "")) {
		return
	}
	defer func() {
		if cause := recover(); cause != nil {
			log.Printf("chatauth: OnError panicked: %v", cause)
		}
	}()
	r.onError(err)
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
