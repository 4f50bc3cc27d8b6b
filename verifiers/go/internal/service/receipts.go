package service

import (
	"context"
	"sync"
	"time"

	"chat-auth/chatauth/internal/recent"
)

const (
	maxWaitingReceipts = 10_000
	maxReported        = 100_000
	receiptBatch       = 1_000
	flushEvery         = time.Second
	longestFlush       = 10 * time.Second
	maxReceiptBytes    = 64 * 1024
)

// Receipt proves that a session's client received the tokens of a generation: one of them was used.
type Receipt struct {
	SessionID  string `json:"sid"`
	UserID     int64  `json:"user_id"`
	Generation int64  `json:"gen"`
	// SeenAt is a time as in RFC 3339.
	SeenAt string `json:"seen_at"`
	// Proof is the rcp of the token. The service ignores a receipt without it.
	Proof string `json:"rcp,omitempty"`
}

// ReceiptCounts is for the health of the verifier.
type ReceiptCounts struct{ Reported, Dropped, Waiting int }

// Receipts reports to the service, in batches about once a second, which generations of sessions were used. A lost receipt
// only delays the detection of a stolen refresh token, so while the service is down the oldest ones are dropped.
type Receipts struct {
	requests *Requests
	onError  func(error)

	mutex    sync.Mutex
	waiting  *recent.Map[string, *Receipt]
	reported *recent.Map[string, int64]
	counts   ReceiptCounts
	timer    *time.Timer
	failures int
	isClosed bool
	// sending has room for one: who sends batches.
	sending chan struct{}
}

// NewReceipts returns receipts of which none is waiting.
func NewReceipts(requests *Requests, onError func(error)) *Receipts {
	return &Receipts{
		requests: requests,
		onError:  onError,
		waiting:  recent.NewMap[string, *Receipt](maxWaitingReceipts),
		reported: recent.NewMap[string, int64](maxReported),
		sending:  make(chan struct{}, 1),
	}
}

// Counts returns how many receipts were reported and dropped, and how many wait.
func (r *Receipts) Counts() ReceiptCounts {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	counts := r.counts
	counts.Waiting = r.waiting.Len()
	return counts
}

// Add queues a receipt unless one of the same generation or a later one was queued before.
func (r *Receipts) Add(receipt *Receipt) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known, isKnown := r.reported.Get(receipt.SessionID)
	if r.isClosed || isKnown && known >= receipt.Generation {
		return
	}
	r.reported.Set(receipt.SessionID, receipt.Generation)
	r.waiting.Delete(receipt.SessionID)
	if r.waiting.Set(receipt.SessionID, receipt) {
		r.counts.Dropped++
	}
	r.schedule()
}

// Close sends each waiting batch once and accepts no more receipts. It returns early when ctx is done.
func (r *Receipts) Close(ctx context.Context) {
	r.mutex.Lock()
	r.isClosed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.mutex.Unlock()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		r.sendAll()
	}()
	select {
	case <-sent:
	case <-ctx.Done():
	}
}

// schedule starts the timer unless it runs. The mutex is held.
func (r *Receipts) schedule() {
	if r.timer != nil {
		return
	}
	r.timer = time.AfterFunc(min(longestFlush, flushEvery<<min(r.failures, 10)), r.run)
}

func (r *Receipts) run() {
	r.sendAll()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.timer = nil
	if !r.isClosed && r.waiting.Len() > 0 {
		r.schedule()
	}
}

// sendAll sends batches until none waits, or one must be sent again later. Only one call does so at a time.
func (r *Receipts) sendAll() {
	r.sending <- struct{}{}
	defer func() { <-r.sending }()
	for r.flush() {
	}
}

// flush sends one batch. It returns false if none waits, or if this one must be sent again later.
func (r *Receipts) flush() bool {
	batch := r.oldest()
	if len(batch) == 0 {
		return false
	}
	outcome := r.report(batch)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch outcome {
	case later:
		r.failures++
		return false
	case reported:
		r.counts.Reported += len(batch)
	case dropped:
		r.counts.Dropped += len(batch)
	}
	r.failures = 0
	for _, receipt := range batch {
		// A newer receipt of the same session may have replaced the one that was sent.
		if current, _ := r.waiting.Peek(receipt.SessionID); current == receipt {
			r.waiting.Delete(receipt.SessionID)
		}
	}
	return true
}

func (r *Receipts) oldest() []*Receipt {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	batch := make([]*Receipt, 0, min(receiptBatch, r.waiting.Len()))
	r.waiting.Oldest(func(_ string, receipt *Receipt) bool {
		batch = append(batch, receipt)
		return len(batch) < receiptBatch
	})
	return batch
}

type receiptOutcome int

const (
	reported receiptOutcome = iota
	dropped
	later
)

func (r *Receipts) report(batch []*Receipt) receiptOutcome {
	body := struct {
		Items []*Receipt `json:"items"`
	}{batch}
	const path = "v1/receipts"
	response, err := r.requests.Send(Request{
		Method: "POST", Path: path, Body: body, Timeout: CallTimeout, MaxBytes: maxReceiptBytes,
	})
	if err != nil {
		return later
	}
	switch response.Status {
	case 200, 204:
		return reported
	case 400, 413, 422:
		// The same batch would be refused again.
		return dropped
	case 401, 403:
		r.onError(wrongKey(path, response.Status))
	}
	return later
}
