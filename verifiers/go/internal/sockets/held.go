package sockets

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// handshakeTimeout is how long a client may take to complete the closing handshake.
const handshakeTimeout = 5 * time.Second

// cutter cuts a connection without a handshake. A Conn may have it.
type cutter interface{ CloseNow() error }

// Held is a socket that a guard holds, or has closed.
type Held[Claims any] struct {
	guard *Guard[Claims]
	conn  Conn
	// identity and claims are those of the newest token; the expiry is the latest one. The guard's mutex protects them.
	identity Identity
	claims   Claims
	// done is closed as soon as the guard closes the socket.
	done chan struct{}
	// gone is closed when the application has released the socket.
	gone    chan struct{}
	release sync.Once
}

// Done is closed just before the guard closes the socket.
func (h *Held[Claims]) Done() <-chan struct{} { return h.done }

// Release stops guarding the socket without closing it.
func (h *Held[Claims]) Release() {
	h.release.Do(func() { close(h.gone) })
	h.guard.mutex.Lock()
	defer h.guard.mutex.Unlock()
	h.guard.forget(h)
}

// Renewal is the result of Renew.
type Renewal int

// What Renew returns.
const (
	Renewed Renewal = iota
	NotHeld
	OtherSession
)

// Renew keeps the socket open until the newer token expires.
func (h *Held[Claims]) Renew(identity Identity, claims Claims) Renewal {
	g := h.guard
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if _, isHeld := g.bySession[h.identity.Session][h]; !isHeld {
		return NotHeld
	}
	if identity.Session != h.identity.Session || identity.UserID != h.identity.UserID {
		return OtherSession
	}
	if identity.Generation > h.identity.Generation {
		h.identity.Generation, h.claims = identity.Generation, claims
	}
	if identity.Expires > h.identity.Expires {
		g.expireAt(h, identity.Expires)
	}
	return Renewed
}

// close begins the closing handshake. A client that does not complete it is cut off.
func (h *Held[Claims]) close(closing Closing) {
	isLate := make(chan struct{})
	timer := time.AfterFunc(handshakeTimeout, func() {
		h.cut()
		close(isLate)
	})
	defer timer.Stop()
	if h.call("Close", func() error { return h.conn.Close(closing.Code, closing.Reason) }) != nil {
		h.cut()
		return
	}
	select {
	case <-h.gone:
	case <-isLate:
	}
}

// cut leaves a released connection alone: it is the application's again.
func (h *Held[Claims]) cut() {
	select {
	case <-h.gone:
		return
	default:
	}
	if conn, canCut := h.conn.(cutter); canCut {
		_ = h.call("CloseNow", conn.CloseNow)
	}
}

var errPanicked = errors.New("panicked")

// call calls a method of the application's connection. A panic there must not end the process.
func (h *Held[Claims]) call(name string, method func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			h.guard.source.OnError(fmt.Errorf("%s of a held connection panicked: %v", name, cause))
			err = errPanicked
		}
	}()
	return method()
}

// index holds sockets by a key.
type index[Key comparable, Claims any] map[Key]map[*Held[Claims]]struct{}

func (i index[Key, Claims]) add(key Key, held *Held[Claims]) {
	if i[key] == nil {
		i[key] = map[*Held[Claims]]struct{}{}
	}
	i[key][held] = struct{}{}
}

// remove returns false if the socket was not there.
func (i index[Key, Claims]) remove(key Key, held *Held[Claims]) bool {
	if _, isThere := i[key][held]; !isThere {
		return false
	}
	delete(i[key], held)
	if len(i[key]) == 0 {
		delete(i, key)
	}
	return true
}

func (i index[Key, Claims]) list(key Key) []*Held[Claims] {
	sockets := make([]*Held[Claims], 0, len(i[key]))
	for held := range i[key] {
		sockets = append(sockets, held)
	}
	return sockets
}
