// Package sockets closes sockets when their session ends, their token expires or becomes outdated, or the verifier is
// stale.
package sockets

import (
	"math"
	"sync"
	"time"

	"chat-auth/chatauth/internal/token"
)

// Conn is the part of a socket that the guard needs.
type Conn interface {
	Close(code int, reason string) error
}

// Closing is the code and the reason of a close frame (RFC 6455, section 7.4; codes from 4000 are for applications).
type Closing struct {
	Code   int
	Reason string
}

// Why the guard closes sockets.
var (
	SessionEnded  = Closing{4401, "session ended"}
	TokenExpired  = Closing{4408, "token expired"}
	TokenOutdated = Closing{4408, "token outdated"}
	TryLater      = Closing{4503, "try later"}
)

// Source is the part of a verifier that a guard needs.
type Source[Claims any] struct {
	// ClosingFor returns why a socket with these claims must close, otherwise nil.
	ClosingFor func(Claims) *Closing
	// IsOutdated tells whether a newer token of the session may carry other roles.
	IsOutdated func(Claims) bool
	// NowMs returns the service's time in milliseconds since the epoch.
	NowMs func() float64
	// OnError gets the panic of a connection.
	OnError func(error)
}

// Identity says whose socket it is, and the token's generation and expiry in seconds.
type Identity struct {
	Session             token.SessionID
	UserID              int64
	Generation, Expires int64
}

// Guard holds sockets with the claims that they were accepted with. It is safe for concurrent use.
type Guard[Claims any] struct {
	source Source[Claims]

	mutex     sync.Mutex
	bySession index[token.SessionID, Claims]
	byUser    index[int64, Claims]
	byExpiry  index[int64, Claims]
	// nextCheckMs is the service's time at which expiry is checked.
	nextCheckMs float64
	timer       *time.Timer
}

// NewGuard returns a guard without sockets.
func NewGuard[Claims any](source Source[Claims]) *Guard[Claims] {
	return &Guard[Claims]{
		source:      source,
		bySession:   index[token.SessionID, Claims]{},
		byUser:      index[int64, Claims]{},
		byExpiry:    index[int64, Claims]{},
		nextCheckMs: math.Inf(1),
	}
}

// Hold returns nil and the reason if the socket must close, and closes it.
func (g *Guard[Claims]) Hold(conn Conn, identity Identity, claims Claims) (*Held[Claims], *Closing) {
	held := &Held[Claims]{
		guard:    g,
		conn:     conn,
		identity: identity,
		claims:   claims,
		done:     make(chan struct{}),
		gone:     make(chan struct{}),
	}
	g.mutex.Lock()
	g.bySession.add(identity.Session, held)
	g.byUser.add(identity.UserID, held)
	g.expireAt(held, identity.Expires)
	g.mutex.Unlock()
	// Checked after the socket is in the indexes: an end that comes in between is seen by one of both.
	if closing := g.source.ClosingFor(claims); closing != nil {
		g.closeEach([]*Held[Claims]{held}, *closing)
		return nil, closing
	}
	return held, nil
}

// Len returns the number of sockets that are held.
func (g *Guard[Claims]) Len() int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	count := 0
	for _, sockets := range g.bySession {
		count += len(sockets)
	}
	return count
}

// EndSession closes the sockets of a session.
func (g *Guard[Claims]) EndSession(session token.SessionID) {
	g.mutex.Lock()
	sockets := g.bySession.list(session)
	g.mutex.Unlock()
	g.closeEach(sockets, SessionEnded)
}

// CloseOutdated closes those sockets of a user, or of a session if userID is 0, whose tokens are outdated.
func (g *Guard[Claims]) CloseOutdated(session token.SessionID, userID int64) {
	g.mutex.Lock()
	sockets := g.bySession.list(session)
	if userID != 0 {
		sockets = g.byUser.list(userID)
	}
	claims := make([]Claims, len(sockets))
	for at, held := range sockets {
		claims[at] = held.claims
	}
	g.mutex.Unlock()
	var outdated []*Held[Claims]
	for at, held := range sockets {
		if g.source.IsOutdated(claims[at]) {
			outdated = append(outdated, held)
		}
	}
	g.closeEach(outdated, TokenOutdated)
}

// CloseAll closes every socket, because the verifier is stale or closed.
func (g *Guard[Claims]) CloseAll() {
	g.mutex.Lock()
	sockets := g.all()
	g.mutex.Unlock()
	g.closeEach(sockets, TryLater)
}

// LetGo stops guarding all sockets without closing them.
func (g *Guard[Claims]) LetGo() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, held := range g.all() {
		g.forget(held)
	}
	g.scheduleCheck()
}

// all returns every socket. The mutex is held.
func (g *Guard[Claims]) all() []*Held[Claims] {
	var sockets []*Held[Claims]
	for session := range g.bySession {
		sockets = append(sockets, g.bySession.list(session)...)
	}
	return sockets
}

// closeEach stops the messages of all sockets first.
func (g *Guard[Claims]) closeEach(sockets []*Held[Claims], closing Closing) {
	var silenced []*Held[Claims]
	g.mutex.Lock()
	for _, held := range sockets {
		// It may be released or closed already.
		if g.forget(held) {
			close(held.done)
			silenced = append(silenced, held)
		}
	}
	g.mutex.Unlock()
	for _, held := range silenced {
		go held.close(closing)
	}
}

// forget returns false if the socket is not held. The mutex is held.
func (g *Guard[Claims]) forget(held *Held[Claims]) bool {
	if !g.bySession.remove(held.identity.Session, held) {
		return false
	}
	g.byUser.remove(held.identity.UserID, held)
	g.byExpiry.remove(held.identity.Expires, held)
	return true
}
