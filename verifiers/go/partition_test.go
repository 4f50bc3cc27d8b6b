package chatauth_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"chat-auth/chatauth"
	"chat-auth/chatauth/internal/realservice"
)

// proxy is a network between a verifier and the service.
type proxy struct {
	listener net.Listener
	target   string
	mutex    sync.Mutex
	// open is closed while data is forwarded.
	open  chan struct{}
	isCut bool
	conns map[net.Conn]struct{}
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	parsed, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: parsed.Host, open: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(p.open)
	go p.run()
	t.Cleanup(func() {
		listener.Close()
		p.cut()
		p.heal()
	})
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) run() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil || !p.keep(near, far) {
			near.Close()
			continue
		}
		go p.carry(near, far)
		go p.carry(far, near)
	}
}

func (p *proxy) keep(conns ...net.Conn) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, conn := range conns {
		if p.isCut {
			conn.Close()
		} else {
			p.conns[conn] = struct{}{}
		}
	}
	return !p.isCut
}

func (p *proxy) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32*1024)
	for {
		count, err := from.Read(buffer)
		p.mutex.Lock()
		open := p.open
		p.mutex.Unlock()
		<-open
		if _, writeErr := to.Write(buffer[:count]); writeErr != nil || err == io.EOF || err != nil {
			return
		}
	}
}

// stall forwards nothing and closes nothing: neither side notices.
func (p *proxy) stall() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.open = make(chan struct{})
}

// cut closes every connection and every new one.
func (p *proxy) cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.isCut = true
	for conn := range p.conns {
		conn.Close()
	}
	clear(p.conns)
}

func (p *proxy) heal() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.isCut = false
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

func TestBehindACutNetworkNoEndedSessionIsAcceptedPastTheLimit(t *testing.T) {
	behindABrokenNetwork(t, (*proxy).cut)
}

func TestBehindASilentNetworkNoEndedSessionIsAcceptedPastTheLimit(t *testing.T) {
	behindABrokenNetwork(t, (*proxy).stall)
}

func behindABrokenNetwork(t *testing.T, breakNetwork func(*proxy)) {
	service := realservice.Find(t)
	network := startProxy(t, service.InternalURL)
	options := service.Options(t)
	options.URL, options.MaxStaleness = network.url(), 2*time.Second
	verifier := connect(t, options)
	ending, living := service.SignIn(t), service.SignIn(t)
	eventually(t, "the session is accepted", func() bool { return verdictOn(verifier, ending) == "accepted" })
	claims, err := verifier.Verify(context.Background(), living.AccessToken)
	assertEqual(t, "living", verdict(err), "accepted")
	socket := &fakeSocket{}
	held, err := verifier.Hold(socket, claims)
	assertEqual(t, "hold", verdict(err), "accepted")
	defer held.Release()

	breakNetwork(network)
	brokenAt := time.Now()
	ending.SignOut(t)
	var lastAcceptedAt time.Time
	eventually(t, "the verifier is stale", func() bool {
		begunAt := time.Now()
		if verdictOn(verifier, ending) == "accepted" {
			lastAcceptedAt = begunAt
			return false
		}
		return true
	})
	if late := lastAcceptedAt.Sub(brokenAt); late > options.MaxStaleness {
		t.Fatalf("an ended session was accepted %v after the network broke", late)
	}
	assertEqual(t, "ending", verdictOn(verifier, ending), chatauth.CodeStale)
	assertEqual(t, "living", verdictOn(verifier, living), chatauth.CodeStale)
	<-held.Done()
	eventually(t, "the socket closes", func() bool { return len(socket.codes()) == 1 })
	assertEqual(t, "close code", socket.codes()[0], 4503)

	network.heal()
	eventually(t, "the end arrives", func() bool { return verdictOn(verifier, ending) == "session_ended, signed_out" })
	eventually(t, "the verifier is fresh", func() bool { return verdictOn(verifier, living) == "accepted" })
}
