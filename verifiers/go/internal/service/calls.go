package service

import (
	"fmt"
	"time"

	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/strictjson"
)

// MaxCalls is how many tickets may be redeemed at the same time, and how many tokens introspected.
const MaxCalls = 64

// CallTimeout is how long a caller waits for a response, including the wait for its turn.
const CallTimeout = 2 * time.Second

const (
	maxCallBytes    = 64 * 1024
	maxTicketLength = 1024
)

// Calls are requests about one token or ticket.
type Calls struct {
	Requests *Requests
	OnError  func(error)
}

// post sends a call and reports a wrong setting to the operator.
func (c Calls) post(path string, body any, timeout time.Duration) (int, strictjson.Object, error) {
	response, err := c.Requests.Send(Request{Method: "POST", Path: path, Body: body, Timeout: timeout, MaxBytes: maxCallBytes})
	if err != nil {
		c.OnError(err)
		return 0, nil, refusal.Because(refusal.Unavailable, err)
	}
	object, err := strictjson.ReadObject(response.Body)
	if err != nil {
		object = nil
	}
	if response.Status == 401 || response.Status == 403 && !isOriginMismatch(object) {
		c.OnError(wrongKey(path, response.Status))
	}
	return response.Status, object, nil
}

func wrongKey(path string, status int) error {
	return fmt.Errorf("POST %s: status %d; check that ServiceKey is one of SERVICE_KEYS with the scope verify", path, status)
}

func isOriginMismatch(object strictjson.Object) bool {
	code, _ := object.Get("code").Text()
	return code == refusal.OriginMismatch
}

// Redeem returns the claims of a ticket unchecked.
func (c Calls) Redeem(ticket, origin string, timeout time.Duration) (strictjson.Object, error) {
	if ticket == "" || strictjson.Length(ticket) > maxTicketLength {
		return nil, refusal.New(refusal.TicketGone)
	}
	body := struct {
		Ticket string `json:"ticket"`
		Origin string `json:"origin,omitempty"`
	}{ticket, origin}
	status, object, err := c.post("v1/tickets/redeem", body, timeout)
	switch {
	case err != nil:
		return nil, err
	case status == 200 && object != nil:
		return object, nil
	case status == 403 && isOriginMismatch(object):
		return nil, refusal.New(refusal.OriginMismatch)
	case status == 400 || status == 410 || status == 422:
		return nil, refusal.New(refusal.TicketGone)
	}
	return nil, refusal.New(refusal.Unavailable)
}
