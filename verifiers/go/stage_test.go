//go:build go1.25

//go:debug asynctimerchan=0

package chatauth_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chat-auth/chatauth"
)

// stage is the auth service, and the network between it and a verifier. It lives in a bubble of testing/synctest: time
// passes when the test sleeps, and synctest.Wait returns when nothing is in flight.
type stage struct {
	connections chan net.Conn
	server      *http.Server
	// handshake is how long a connection takes.
	handshake time.Duration
	// onFeed serves a request for the feed. By default, the test gives commands. onKeys may serve those for the keys.
	onFeed, onKeys func(w http.ResponseWriter, r *http.Request)

	mutex          sync.Mutex
	keys           reply
	keyFetches     int
	receiptsStatus int
	receipts       []json.RawMessage
	// next is the response to the next introspections and tickets.
	next  reply
	calls []call
	feeds []*feedRequest
	// mayReply is closed before calls get their response.
	mayReply chan struct{}
}

type reply struct {
	status int
	body   string
}

type call struct{ path, body string }

// feedRequest is one request for the feed. Its handler does what commands say.
type feedRequest struct {
	header   http.Header
	conn     *pipeConn
	commands chan func(http.ResponseWriter) (isOver bool)
	done     chan struct{}
}

// pipeConn is the service's end of a connection. It knows whether the verifier has closed the other end.
type pipeConn struct {
	net.Conn
	client *clientConn
}

type clientConn struct {
	net.Conn
	isClosed atomic.Bool
}

func (c *clientConn) Close() error {
	c.isClosed.Store(true)
	return c.Conn.Close()
}

type connKey struct{}

func newStage(t testing.TB) *stage {
	s := &stage{
		connections: make(chan net.Conn), keys: reply{503, "{}"}, receiptsStatus: 204, mayReply: make(chan struct{}),
	}
	close(s.mayReply)
	s.onFeed = s.obeyCommands
	s.server = &http.Server{
		IdleTimeout: 10 * time.Second,
		Handler:     http.HandlerFunc(s.handle),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, conn)
		},
	}
	go func() { _ = s.server.Serve(pipeListener{s.connections, make(chan struct{})}) }()
	t.Cleanup(func() { _ = s.server.Close() })
	return s
}

// dial connects a verifier, whatever the address.
func (s *stage) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	time.Sleep(s.handshake)
	near, far := net.Pipe()
	client := &clientConn{Conn: near}
	select {
	case s.connections <- &pipeConn{far, client}:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// options of a verifier of this stage. Random delays take their whole time.
func (s *stage) options(options chatauth.Options, wall func() time.Time) chatauth.Options {
	options.URL, options.ServiceKey = "http://auth:8010/base", serviceKey
	if options.OnError == nil {
		options.OnError = func(error) {}
	}
	return options.WithWorld(s.dial, wall, 1)
}

const serviceKey = "the-service-key-of-these-tests"

func (s *stage) handle(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/base/v1/revocations/stream" {
		s.onFeed(w, r)
		return
	}
	if r.URL.Path == "/base/.well-known/jwks.json" && s.onKeys != nil {
		s.onKeys(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	response, mayReply := s.replyTo(r.URL.Path, body)
	<-mayReply
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(response.status)
	if response.status != 204 {
		_, _ = io.WriteString(w, response.body)
	}
}

func (s *stage) replyTo(path string, body []byte) (reply, <-chan struct{}) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch path {
	case "/base/.well-known/jwks.json":
		s.keyFetches++
		return s.keys, s.mayReply
	case "/base/v1/receipts":
		var sent struct{ Items json.RawMessage }
		_ = json.Unmarshal(body, &sent)
		s.receipts = append(s.receipts, sent.Items)
		return reply{s.receiptsStatus, "{}"}, s.mayReply
	}
	s.calls = append(s.calls, call{path, string(body)})
	return s.next, s.mayReply
}

// holdReplies keeps responses back until the returned function is called.
func (s *stage) holdReplies() (release func()) {
	held := make(chan struct{})
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.mayReply = held
	return func() { close(held) }
}

func (s *stage) obeyCommands(w http.ResponseWriter, r *http.Request) {
	conn := r.Context().Value(connKey{}).(*pipeConn)
	feed := &feedRequest{r.Header, conn, make(chan func(http.ResponseWriter) bool), make(chan struct{})}
	defer close(feed.done)
	s.mutex.Lock()
	s.feeds = append(s.feeds, feed)
	s.mutex.Unlock()
	for {
		select {
		case command := <-feed.commands:
			if command(w) {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// command is for the last request for the feed. It does nothing if the verifier has closed that.
func (s *stage) command(do func(http.ResponseWriter) bool) {
	feed := s.lastFeed()
	select {
	case feed.commands <- do:
	case <-feed.done:
	}
}

func (s *stage) lastFeed() *feedRequest {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.feeds[len(s.feeds)-1]
}

func (s *stage) send(bytes []byte) {
	s.command(func(w http.ResponseWriter) bool {
		_, err := w.Write(bytes)
		return err != nil || http.NewResponseController(w).Flush() != nil
	})
}

// pipeListener accepts what dial connects.
type pipeListener struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.connections:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error {
	close(l.closed)
	return nil
}

func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{} }
