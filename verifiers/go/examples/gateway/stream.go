package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

// event of a stream of server-sent events.
type event struct {
	name string
	data []byte
}

// maxWaiting is how many messages may wait for a slow reader. Then its stream closes.
const maxWaiting = 100

// stream is one open response. It is a chatauth.Conn: the last event has the code and the reason of the closing.
type stream struct {
	events chan event
	once   sync.Once
	// last is sent when closing is closed, and nothing after it.
	last    event
	closing chan struct{}
}

func newStream() *stream {
	return &stream{events: make(chan event, maxWaiting), closing: make(chan struct{})}
}

// Close ends the stream with an event that tells the client what to do. It does not wait.
func (s *stream) Close(code int, reason string) error {
	s.once.Do(func() {
		data, _ := json.Marshal(map[string]any{"code": code, "reason": reason})
		s.last = event{"close", data}
		close(s.closing)
	})
	return nil
}

func (s *stream) send(e event) {
	select {
	case s.events <- e:
	default:
		_ = s.Close(1013, "too slow")
	}
}

// serve writes events until the stream is closed or the client is gone.
func (s *stream) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	write(w, event{"open", []byte("{}")})
	for {
		// First, because nothing may follow the closing.
		select {
		case <-s.closing:
			write(w, s.last)
			return
		default:
		}
		select {
		case <-s.closing:
		case <-r.Context().Done():
			return
		case e := <-s.events:
			write(w, e)
		}
	}
}

func write(w http.ResponseWriter, e event) {
	_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.name, e.data)
	_ = http.NewResponseController(w).Flush()
}
