package chatauth

import (
	"context"
	"sync/atomic"
	"time"

	"chat-auth/chatauth/internal/feed"
	"chat-auth/chatauth/internal/refusal"
	"chat-auth/chatauth/internal/service"
	"chat-auth/chatauth/internal/sockets"
	"chat-auth/chatauth/internal/token"
)

// closeTimeout is how long Close waits for the last receipts.
const closeTimeout = 2 * time.Second

// keySource supplies the keys that signatures are checked with.
type keySource interface {
	token.Keys
	Count() int
	// Refresh fetches the keys if a fetch is due. It returns whether the keys are known to be current.
	Refresh(ctx context.Context) (bool, error)
	Start()
	Close()
}

// Verifier verifies the tokens of one service. It is made by [New] and safe for concurrent use.
type Verifier struct {
	settings settings
	requests *service.Requests
	keys     keySource
	feed     *feed.Feed
	receipts *service.Receipts
	calls    service.Calls
	// redemptions has a place for each ticket that is being redeemed.
	redemptions   chan struct{}
	checks        *token.Checks
	introspection *service.Introspection
	guard         *sockets.Guard[Claims]
	subscribers   subscribers
	counts        counts
	isClosed      atomic.Bool
	// end detaches the verifier from the context of New. closed is closed at the end of Close.
	end    context.CancelFunc
	closed chan struct{}
}

// New starts a verifier. It fetches the keys and follows the revocation feed in the background. It does not wait for the
// service: see [Verifier.Ready]. The error names an invalid option.
//
// When ctx is done, the verifier closes for good, as with Close. So ctx must live as long as the verifier: do not give it the
// deadline of Ready.
func New(ctx context.Context, options Options) (*Verifier, error) {
	settings, err := options.read()
	if err != nil {
		return nil, err
	}
	v := &Verifier{settings: settings, closed: make(chan struct{})}
	report := newErrorReport(settings.OnError, settings.repeatErrorsAfter)
	v.requests = service.NewRequests(settings.base, settings.ServiceKey, settings.dial)
	v.feed = feed.New(v.feedOptions(report))
	onError := func(err error) {
		v.feed.NoteError(err)
		report.report(err)
	}
	if settings.SharedSecret == "" {
		v.keys = service.NewKeySet(v.requests, settings.clock, onError, v.feed.Update)
	} else {
		v.keys = service.NewSharedSecret(settings.SharedSecret)
	}
	v.receipts = service.NewReceipts(v.requests, onError)
	v.calls = service.Calls{Requests: v.requests, OnError: onError}
	v.redemptions = make(chan struct{}, service.MaxCalls)
	expected := token.Expected{Issuer: settings.Issuer, Audience: settings.Audience}
	v.checks = token.NewChecks(v.keys, expected, max(0, settings.CacheSize))
	v.introspection = service.NewIntrospection(v.calls)
	v.guard = v.newGuard(onError)
	v.subscribers.onError = onError
	// Nothing needs the secrets again, so whoever prints a verifier does not see them.
	v.settings.ServiceKey, v.settings.SharedSecret = "", ""
	life, end := context.WithCancel(ctx)
	v.end = end
	v.keys.Start()
	v.feed.Open()
	context.AfterFunc(life, func() { v.Close() })
	return v, nil
}

func (v *Verifier) feedOptions(report *errorReport) feed.Options {
	return feed.Options{
		URL:          v.settings.base.JoinPath("v1/revocations/stream").String(),
		ServiceKey:   v.settings.ServiceKey,
		Dial:         v.settings.dial,
		MaxStaleness: v.settings.MaxStaleness,
		Clock:        v.settings.clock,
		HasKeys:      func() bool { return v.keys.Count() > 0 },
		OnError: func(err error) {
			v.feed.NoteError(err)
			report.report(err)
		},
		OnEnd: func(end feed.SessionEnd) {
			v.guard.EndSession(end.Session)
			v.subscribers.notify(SessionEnd{end.Session.String(), end.UserID, end.Reason})
		},
		OnOutdated: func(tokens feed.OutdatedTokens) { v.guard.CloseOutdated(tokens.Session, tokens.UserID) },
		OnStale: func() {
			if v.settings.WhenStale == Refuse && !v.feed.IsFresh() {
				v.guard.CloseAll()
			}
		},
	}
}

// Ready returns nil when keys and a first snapshot of the ended sessions are loaded. Until then it waits: to the deadline
// of ctx, or for 30 s if it has none. The error says what to check. If the service refuses the feed with 401, 403 or 404,
// Ready fails immediately, because a setting is wrong.
func (v *Verifier) Ready(ctx context.Context) error { return v.feed.Ready(ctx) }

// OnSessionEnded calls listener once for each session end received from now on, in order. A listener that blocks delays
// only its own calls; one that panics is reported to OnError. The returned function ends the subscription.
func (v *Verifier) OnSessionEnded(listener func(SessionEnd)) (unsubscribe func()) {
	return v.subscribers.add(listener)
}

// Close sends the last receipts, for up to 2 s, and closes all connections to the service. Close servers and sockets
// first: a closed verifier refuses every token with unavailable. Nothing guards its sockets any more: if WhenStale is Refuse,
// they close with 4503. It always returns nil.
func (v *Verifier) Close() error {
	if v.isClosed.CompareAndSwap(false, true) {
		v.shutDown()
		close(v.closed)
	}
	<-v.closed
	return nil
}

func (v *Verifier) shutDown() {
	v.end()
	if v.settings.WhenStale == Refuse {
		v.guard.CloseAll()
	} else {
		v.guard.LetGo()
	}
	v.feed.Close()
	v.keys.Close()
	v.subscribers.clear()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	v.receipts.Close(ctx)
	v.requests.Close()
	v.feed.Wait(ctx)
}

// String says which service the verifier belongs to.
func (v *Verifier) String() string { return "chatauth.Verifier of " + v.settings.base.String() }

func (v *Verifier) errClosed() error {
	if v.isClosed.Load() {
		return refusal.Saying(refusal.Unavailable, "The verifier is closed.")
	}
	return nil
}
