package service

import (
	"context"
	"strings"
	"sync"
	"time"

	"chat-auth/chatauth/internal/refusal"
)

// maxWaiting: with more, none would get a response in time.
const maxWaiting = 10_000

// Introspection asks the service about tokens (RFC 7662). It limits the requests in flight, and sends one per token at a
// time.
type Introspection struct {
	calls    Calls
	places   chan struct{}
	mutex    sync.Mutex
	inFlight map[string]*inquiry
}

type inquiry struct {
	done  chan struct{}
	roles []string
	err   error
}

// NewIntrospection returns an introspection without anything in flight.
func NewIntrospection(calls Calls) *Introspection {
	return &Introspection{calls: calls, places: make(chan struct{}, MaxCalls), inFlight: map[string]*inquiry{}}
}

// CurrentRoles returns the roles of the token's user, which may differ from those in the token. The code of a refusal is
// session_ended if the service reports the token as inactive, and unavailable if it does not respond.
func (i *Introspection) CurrentRoles(ctx context.Context, token, sid string) ([]string, error) {
	i.mutex.Lock()
	asked := i.inFlight[token]
	if asked == nil {
		if len(i.inFlight) >= MaxCalls+maxWaiting {
			i.mutex.Unlock()
			return nil, refusal.New(refusal.Unavailable)
		}
		asked = &inquiry{done: make(chan struct{})}
		token = strings.Clone(token)
		i.inFlight[token] = asked
		go i.ask(asked, token, sid)
	}
	i.mutex.Unlock()
	select {
	case <-asked.done:
		return asked.roles, asked.err
	case <-ctx.Done():
		return nil, refusal.Because(refusal.Unavailable, ctx.Err())
	}
}

func (i *Introspection) ask(asked *inquiry, token, sid string) {
	deadline := time.Now().Add(CallTimeout)
	timer := time.NewTimer(CallTimeout)
	defer timer.Stop()
	select {
	case i.places <- struct{}{}:
		asked.roles, asked.err = i.introspect(token, sid, time.Until(deadline))
		<-i.places
	case <-timer.C:
		asked.err = refusal.New(refusal.Unavailable)
	}
	i.mutex.Lock()
	delete(i.inFlight, token)
	i.mutex.Unlock()
	close(asked.done)
}

func (i *Introspection) introspect(token, sid string, timeout time.Duration) ([]string, error) {
	body := struct {
		Token string `json:"token"`
	}{token}
	status, object, err := i.calls.post("v1/introspect", body, timeout)
	if err != nil {
		return nil, err
	}
	if status != 200 {
		return nil, refusal.New(refusal.Unavailable)
	}
	active := string(object.Get("active"))
	if active == "false" {
		// The signature is right, so an inactive token means that the session has ended.
		return nil, refusal.New(refusal.SessionEnded)
	}
	returned, _ := object.Get("sid").Text()
	roles, areTexts := object.Get("roles").Texts()
	if active != "true" || returned != sid || !areTexts {
		return nil, refusal.New(refusal.Unavailable)
	}
	return roles, nil
}
