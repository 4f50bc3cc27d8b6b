//go:build go1.25

package chatauth_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chat-auth/chatauth"
)

func TestAClosedVerifierHoldsNoSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verifier, _, signer := startSigned(t, chatauth.Options{})
		claims, _ := verifier.Verify(t.Context(), signer.token(1))
		before, after := make(closedConn, 1), make(closedConn, 1)
		if _, err := verifier.Hold(before, claims); err != nil {
			t.Fatal(err)
		}
		verifier.Close()
		if got := <-before; got != 4503 {
			t.Errorf("a held socket was closed with %d", got)
		}
		_, err := verifier.Hold(after, claims)
		if got := resultOf(t, err); got != chatauth.CodeUnavailable || !strings.Contains(err.Error(), "closed") {
			t.Errorf("got %v", err)
		}
		time.Sleep(5 * time.Second) // Until then they would be cut off, if they could be.
		if got := <-after; got != 4503 {
			t.Errorf("a new socket was closed with %d", got)
		}
	})
}

func TestCloseReturnsWhenItIsCalledByOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.onFeed = serveFresh
		var verifier *chatauth.Verifier
		isMade, returned := make(chan struct{}), make(chan struct{}, 10)
		options := s.options(chatauth.Options{Issuer: "i", OnError: func(error) {
			<-isMade
			verifier.Close()
			verifier.Close()
			returned <- struct{}{}
		}}, time.Now)
		options.URL = "http://auth:8010/" // There the feed is 404.
		s.next = reply{404, "{}"}
		verifier, _ = chatauth.New(context.Background(), options)
		close(isMade)
		time.Sleep(5 * time.Second)
		select {
		case <-returned:
		default:
			t.Error("Close waits for its caller")
		}
	})
}

// panickyConn panics in the given methods.
type panickyConn struct {
	closing, cutting bool
	cut              *atomic.Int64
}

func (c panickyConn) Close(int, string) error {
	if c.closing {
		panic("concurrent write")
	}
	return fmt.Errorf("broken pipe")
}

func (c panickyConn) CloseNow() error {
	c.cut.Add(1)
	if c.cutting {
		panic("closed twice")
	}
	return nil
}

func TestAPanicOfTheApplicationIsReportedAndEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, signer := newStage(t), newSigner()
		s.keys = reply{200, signer.jwks}
		verifier, reported := startOn(t, s, chatauth.Options{})
		s.serveEnds(0)
		claims, _ := verifier.Verify(t.Context(), signer.token(1))
		var cut, heard atomic.Int64
		for _, conn := range []panickyConn{{true, false, &cut}, {false, true, &cut}} {
			if _, err := verifier.Hold(conn, claims); err != nil {
				t.Fatal(err)
			}
		}
		verifier.OnSessionEnded(func(chatauth.SessionEnd) { heard.Add(1); panic("no such user") })
		for _, session := range []int{1, 2} {
			s.send([]byte(fmt.Sprintf("event: revoked\ndata: {\"seq\":%d,\"sid\":\"0199aa11-5a3c-7c7e-9a53-%012x\",\"user_id\":17,"+
				"\"reason\":\"signed_out\",\"expires_at\":\"2100-01-01T00:00:00Z\"}\n\n", session, session)))
		}
		synctest.Wait()
		if cut.Load() != 2 || heard.Load() != 2 {
			t.Errorf("cut %d connections, heard of %d ends", cut.Load(), heard.Load())
		}
		for _, want := range []string{"Close of a held connection panicked: concurrent write",
			"CloseNow of a held connection panicked: closed twice", "a listener of OnSessionEnded panicked: no such user"} {
			if !strings.Contains(reported(), want) {
				t.Errorf("not reported: %s\n%s", want, reported())
			}
		}
	})
}

func TestAPanicOfOnErrorEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.onFeed = serveFresh
		options := s.options(chatauth.Options{Issuer: "i", OnError: func(error) { panic("no log") }}, time.Now)
		verifier, err := chatauth.New(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		defer verifier.Close()
		time.Sleep(time.Minute)
		if !verifier.Health().Connected {
			t.Error("the feed was lost")
		}
	})
}

// slowConn takes longer to close than a client may.
type slowConn struct{ cut atomic.Int64 }

func (c *slowConn) Close(int, string) error {
	time.Sleep(10 * time.Second)
	return fmt.Errorf("broken pipe")
}

func (c *slowConn) CloseNow() error {
	c.cut.Add(1)
	return nil
}

func TestAReleasedConnectionIsNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verifier, _, signer := startSigned(t, chatauth.Options{})
		claims, _ := verifier.Verify(t.Context(), signer.token(1))
		conn := &slowConn{}
		held, err := verifier.Hold(conn, claims)
		if err != nil {
			t.Fatal(err)
		}
		<-held.Done()
		held.Release()
		time.Sleep(time.Minute)
		if got := conn.cut.Load(); got != 0 {
			t.Errorf("cut %d times", got)
		}
	})
}
