package chatauth

import (
	"fmt"
	"sync"
)

// subscribers are functions that are called with each ended session. One that blocks does not delay the others.
type subscribers struct {
	// onError gets the panic of a listener.
	onError func(error)
	mutex   sync.Mutex
	all     map[*subscription]struct{}
}

type subscription struct {
	listener func(SessionEnd)
	onError  func(error)
	mutex    sync.Mutex
	waiting  []SessionEnd
	// isRunning is true while a goroutine calls the listener.
	isRunning bool
	isOver    bool
}

func (s *subscribers) add(listener func(SessionEnd)) (remove func()) {
	added := &subscription{listener: listener, onError: s.onError}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.all == nil {
		s.all = map[*subscription]struct{}{}
	}
	s.all[added] = struct{}{}
	return func() {
		s.mutex.Lock()
		delete(s.all, added)
		s.mutex.Unlock()
		added.end()
	}
}

func (s *subscribers) notify(end SessionEnd) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for subscription := range s.all {
		subscription.push(end)
	}
}

func (s *subscribers) clear() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	clear(s.all)
}

func (s *subscription) push(end SessionEnd) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.waiting = append(s.waiting, end)
	if !s.isRunning {
		s.isRunning = true
		go s.run()
	}
}

func (s *subscription) run() {
	for {
		s.mutex.Lock()
		batch := s.waiting
		s.waiting = nil
		if len(batch) == 0 || s.isOver {
			s.isRunning = false
			s.mutex.Unlock()
			return
		}
		s.mutex.Unlock()
		for _, end := range batch {
			if s.hasEnded() {
				break
			}
			s.call(end)
		}
	}
}

// call survives a listener that panics: its next calls come, and the process goes on.
func (s *subscription) call(end SessionEnd) {
	defer func() {
		if cause := recover(); cause != nil {
			s.onError(fmt.Errorf("a listener of OnSessionEnded panicked: %v", cause))
		}
	}()
	s.listener(end)
}

func (s *subscription) end() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.isOver = true
}

func (s *subscription) hasEnded() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.isOver
}
