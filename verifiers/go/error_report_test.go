package chatauth_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"chat-auth/chatauth"
)

func TestAServiceThatResetsConnectionsIsReportedOncePerRequest(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}()
	var reports atomic.Int64
	verifier, err := chatauth.New(context.Background(), chatauth.Options{
		URL: "http://" + listener.Addr().String(), ServiceKey: "k", Issuer: "i", OnError: func(error) { reports.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Close()
	for range 50 {
		_, err := verifier.RedeemTicket(context.Background(), "a-ticket", "")
		assertEqual(t, "the ticket", verdict(err), chatauth.CodeUnavailable)
	}
	// The same failure of tickets, keys and the feed, each in a few forms.
	if got := reports.Load(); got > 15 {
		t.Errorf("%d reports", got)
	}
}
