// Package service makes the requests of a verifier to the auth service.
package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Dial opens a connection. Tests replace it.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// maxHeaderBytes bounds the head of a response.
const maxHeaderBytes = 64 * 1024

// dialTimeout bounds a connection attempt to a host that does not respond. The transport would go on for minutes with one
// whose request was given up.
const dialTimeout = 5 * time.Second

// NewTransport returns a transport that follows no redirect, uses no proxy, asks for no compression and speaks HTTP/1.1.
// It connects until life is done. Without dial it uses the network.
func NewTransport(life context.Context, dial Dial) *http.Transport {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			defer context.AfterFunc(life, cancel)()
			return dial(ctx, network, address)
		},
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		TLSHandshakeTimeout:    dialTimeout,
		IdleConnTimeout:        90 * time.Second,
	}
}

// maxConnections is enough for all calls in flight, and for keys and receipts besides. The feed has a connection of its own.
const maxConnections = 3 * MaxCalls

// Request is one request to the service.
type Request struct {
	Method string
	// Path is relative to the base URL.
	Path string
	// Body is sent as JSON, unless it is nil.
	Body any
	// WithoutKey leaves the credentials out.
	WithoutKey bool
	// Timeout covers the whole exchange, from the look-up of the name to the last byte.
	Timeout  time.Duration
	MaxBytes int64
}

// Response has any status.
type Response struct {
	Status int
	Body   []byte
}

// Requests sends requests to one service, limited in time and size.
type Requests struct {
	base       *url.URL
	serviceKey string
	transport  *http.Transport
	life       context.Context
	end        context.CancelFunc
}

// NewRequests returns requests relative to base, which ends with a slash.
func NewRequests(base *url.URL, serviceKey string, dial Dial) *Requests {
	life, end := context.WithCancel(context.Background())
	transport := NewTransport(life, dial)
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = maxConnections, MaxCalls
	return &Requests{base, serviceKey, transport, life, end}
}

var (
	errClosed = errors.New("closed")
	errLate   = errors.New("no response in time")
)

// Send returns an error that names the URL, never what was sent, if there is no complete response in time.
func (r *Requests) Send(request Request) (Response, error) {
	ctx, cancel := context.WithTimeoutCause(r.life, request.Timeout, errLate)
	defer cancel()
	response, err := r.exchange(ctx, request)
	if err == nil {
		return response, nil
	}
	switch {
	case r.life.Err() != nil:
		err = errClosed
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return Response{}, fmt.Errorf("%s %s: %w", request.Method, r.base.JoinPath(request.Path), err)
}

func (r *Requests) exchange(ctx context.Context, request Request) (Response, error) {
	sent, err := r.build(ctx, request)
	if err != nil {
		return Response{}, err
	}
	response, err := r.transport.RoundTrip(sent)
	if err != nil {
		return Response{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, request.MaxBytes+1))
	if err != nil {
		return Response{}, err
	}
	if int64(len(body)) > request.MaxBytes {
		return Response{}, fmt.Errorf("the response is longer than %d bytes", request.MaxBytes)
	}
	return Response{response.StatusCode, body}, nil
}

func (r *Requests) build(ctx context.Context, request Request) (*http.Request, error) {
	var body io.Reader
	if request.Body != nil {
		text, err := json.Marshal(request.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	built, err := http.NewRequestWithContext(ctx, request.Method, r.base.JoinPath(request.Path).String(), body)
	if err != nil {
		return nil, err
	}
	built.Header.Set("Accept", "application/json")
	if body != nil {
		built.Header.Set("Content-Type", "application/json")
		// All requests are safe to send twice. With this entry, which is not sent, the transport does so if a kept-alive
		// connection turns out to be closed.
		built.Header["Idempotency-Key"] = nil
	}
	if !request.WithoutKey {
		built.Header.Set("Authorization", "Bearer "+r.serviceKey)
	}
	return built, nil
}

// Close ends the requests in flight.
func (r *Requests) Close() {
	r.end()
	r.transport.CloseIdleConnections()
}
