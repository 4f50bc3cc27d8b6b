package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"chat-auth/chatauth/internal/clock"
	"chat-auth/chatauth/internal/service"
)

const (
	maxEventBytes = 256 * 1024 * 1024
	// maxEventMs: a snapshot that takes longer to arrive would be useless.
	maxEventMs = 60_000
	// shortestSilence: a heartbeat comes each second, and may be late.
	shortestSilence = 1_500 * time.Millisecond
	chunkBytes      = 32 * 1024
)

type endKind int

const (
	// failed is any end that is not one of the others.
	failed endKind = iota
	// orderly: ended by the service.
	orderly
	// refusedFeed: the service key or the URL is wrong.
	refusedFeed
)

// feedEnd says how a connection ended.
type feedEnd struct {
	kind endKind
	err  error
	// retryMs is the reconnection delay that the service sent last, if it is not negative.
	retryMs int
}

var (
	errSilent  = errors.New("the service sent nothing for too long")
	errEnded   = errors.New("the service ended the stream")
	errCut     = errors.New("the stream was cut off")
	errNoEvent = errors.New("not an event stream; check that URL is the internal listener, and no web page")
)

// connection is one connection to the feed, with a look-up of the name of its own.
type connection struct {
	url          string
	serviceKey   string
	lastEventID  string
	dial         service.Dial
	clock        *clock.Clock
	maxStaleness time.Duration
	// onSend is called just before the request is sent, with the monotonic time.
	onSend func(sentAt float64)
	onOpen func()
	// onEvent closes the connection if it returns an error.
	onEvent func(event streamEvent, arrivedAt float64) error
}

// run returns when the connection has ended.
func (c *connection) run(ctx context.Context) feedEnd {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// After a slower first response, everything on the connection would look older than it is.
	silence := clock.AfterSilence(c.maxStaleness/2, func() { cancel(errSilent) })
	defer silence.Stop()
	transport := service.NewTransport(ctx, c.dial)
	transport.DisableKeepAlives = true
	c.onSend(c.clock.NowMs())
	// Nothing is written before GotConn, so the times of the look-up of the name and of the handshakes do not count.
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { c.onSend(c.clock.NowMs()) },
	})
	response, err := transport.RoundTrip(c.request(ctx))
	if err != nil {
		return feedEnd{failed, causeOf(ctx, err), -1}
	}
	defer response.Body.Close()
	if problem := problemOf(response); problem != nil {
		isRefusal := response.StatusCode == 401 || response.StatusCode == 403 || response.StatusCode == 404
		if isRefusal {
			return feedEnd{refusedFeed, problem, -1}
		}
		return feedEnd{failed, problem, -1}
	}
	c.onOpen()
	return c.read(ctx, response.Body, silence)
}

func (c *connection) request(ctx context.Context) *http.Request {
	request, err := http.NewRequestWithContext(ctx, "GET", c.url, nil)
	if err != nil {
		panic(err) // The URL was checked with the options.
	}
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("Cache-Control", "no-cache")
	request.Header.Set("Authorization", "Bearer "+c.serviceKey)
	// A service of an earlier version sends a snapshot in one event, however long.
	request.Header.Set("Prefer", "snapshot=parts")
	if c.lastEventID != "" {
		request.Header.Set("Last-Event-ID", c.lastEventID)
	}
	return request
}

// read takes the body, chunk by chunk.
func (c *connection) read(ctx context.Context, body io.Reader, silence *clock.Silence) feedEnd {
	limit := max(shortestSilence, c.maxStaleness/2)
	arrivedAt, eventSince := 0.0, -1.0
	parser := newStreamParser(maxEventBytes, func(event streamEvent) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		eventSince = -1
		silence.Restart(limit)
		return c.onEvent(event, arrivedAt)
	})
	chunk := make([]byte, chunkBytes)
	for {
		count, readErr := body.Read(chunk)
		arrivedAt = c.clock.NowMs()
		if err := parser.push(chunk[:count]); err != nil {
			return feedEnd{failed, err, parser.retryMs}
		}
		if count > 0 && parser.insideEvent() {
			if eventSince < 0 {
				eventSince = arrivedAt
			}
			// A large event that is still arriving restarts the timer, for a limited time since the last whole event.
			if arrivedAt-eventSince < maxEventMs {
				silence.Restart(limit)
			}
		}
		switch {
		case readErr == nil:
		case errors.Is(readErr, io.EOF):
			return feedEnd{orderly, errEnded, parser.retryMs}
		case errors.Is(readErr, io.ErrUnexpectedEOF):
			return feedEnd{failed, errCut, parser.retryMs}
		default:
			return feedEnd{failed, causeOf(ctx, readErr), parser.retryMs}
		}
	}
}

// causeOf prefers the reason for which the connection was given up.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func problemOf(response *http.Response) error {
	switch status := response.StatusCode; {
	case status == 401 || status == 403:
		return fmt.Errorf("status %d; check that ServiceKey is one of SERVICE_KEYS of the service", status)
	case status == 404:
		return errors.New("status 404; check that URL is the internal listener of the service")
	case status != 200:
		return fmt.Errorf("status %d", status)
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return errNoEvent
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return errors.New("the stream is compressed; turn off compression in the proxy")
	}
	return nil
}
