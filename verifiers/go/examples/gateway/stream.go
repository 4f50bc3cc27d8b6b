package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// event of a stream of server-sent events.
type event struct {
	name string
	data []byte
}

// maxWaiting is how many messages may wait for a slow reader. Then its stream closes.
const maxWaiting = 100

// writeTimeout is how long a client may read nothing while a message waits for it. Then its connection is cut.
const writeTimeout = 5 * time.Second

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

// serve writes events until the stream is closed, or the client is gone or reads nothing.
func (s *stream) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	// The deadline of the last message must not be that of another response.
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusOK)
	err := write(w, event{"open", []byte("{}")})
	for err == nil {
		// First, because nothing may follow the closing.
		select {
		case <-s.closing:
			_ = write(w, s.last)
			return
		default:
		}
		select {
		case <-s.closing:
		case <-r.Context().Done():
			return
		case e := <-s.events:
			err = write(w, e)
		}
	}
}

func write(w http.ResponseWriter, e event) error {
	controller := http.NewResponseController(w)
	if err := controller.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.name, e.data); err != nil {
		return err
	}
	return controller.Flush()
}
