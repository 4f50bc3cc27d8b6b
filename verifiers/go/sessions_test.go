package chatauth_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"chat-auth/chatauth"
	"chat-auth/chatauth/internal/realservice"
)

func TestASignedOutSessionIsRefusedAndItsClaimsToo(t *testing.T) {
	service := realservice.Find(t)
	verifier := connect(t, service.Options(t))
	session := service.SignIn(t)
	ends := make(chan chatauth.SessionEnd, 1000)
	verifier.OnSessionEnded(func(end chatauth.SessionEnd) { ends <- end })

	claims, err := verifier.Verify(context.Background(), session.AccessToken)
	assertEqual(t, "verdict", verdict(err), "accepted")
	assertEqual(t, "user", claims.UserID, session.UserID)
	assertEqual(t, "session", claims.SessionID, session.Session.ID)
	stored, _ := json.Marshal(claims)
	var loaded chatauth.Claims
	if err := json.Unmarshal(stored, &loaded); err != nil {
		t.Fatal(err)
	}
	assertEqual(t, "stored claims", verdict(verifier.Check(loaded)), "accepted")

	session.SignOut(t)
	for end := range ends {
		if end.SessionID == session.Session.ID {
			assertEqual(t, "reason", end.Reason, "signed_out")
			assertEqual(t, "user", end.UserID, session.UserID)
			break
		}
	}
	assertEqual(t, "token", verdictOn(verifier, session), "session_ended, signed_out")
	assertEqual(t, "stored claims", verdict(verifier.Check(loaded)), "session_ended, signed_out")
}

func TestTheServiceTakesReceipts(t *testing.T) {
	service := realservice.Find(t)
	verifier := connect(t, service.Options(t))
	session := service.SignIn(t)
	assertEqual(t, "verdict", verdictOn(verifier, session), "accepted")
	assertEqual(t, "verdict", verdictOn(verifier, session.Refresh(t)), "accepted")
	eventually(t, "receipts are reported", func() bool {
		health := verifier.Health()
		return health.ReceiptsReported > 0 && health.ReceiptsWaiting == 0
	})
	assertEqual(t, "dropped receipts", verifier.Health().ReceiptsDropped, 0)
}

func TestATicketIsRedeemedOnceAndForItsOrigin(t *testing.T) {
	service := realservice.Find(t)
	verifier := connect(t, service.Options(t))
	session := service.SignIn(t)
	ticket := session.Ticket(t)
	claims, err := verifier.RedeemTicket(context.Background(), ticket, "")
	assertEqual(t, "first", verdict(err), "accepted")
	assertEqual(t, "session", claims.SessionID, session.Session.ID)
	_, err = verifier.RedeemTicket(context.Background(), ticket, "")
	assertEqual(t, "second", verdict(err), "ticket_gone")
}

func TestAWrongServiceKeyFailsTheStartImmediately(t *testing.T) {
	service := realservice.Find(t)
	options := service.Options(t)
	options.ServiceKey = "a-key-that-the-service-does-not-have"
	verifier, err := chatauth.New(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = verifier.Ready(ctx)
	if err == nil || !strings.Contains(err.Error(), "status 401") || !strings.Contains(err.Error(), "ServiceKey") {
		t.Fatalf("got %v", err)
	}
	assertEqual(t, "waited", ctx.Err(), nil)
}

// fakeSocket records how it was closed.
type fakeSocket struct {
	session *realservice.SignedIn
	mutex   sync.Mutex
	closed  []int
}

func (s *fakeSocket) Close(code int, _ string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = append(s.closed, code)
	return nil
}

func (s *fakeSocket) codes() []int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.closed
}

func TestOfAHundredSocketsExactlyThoseOfTheEndedSessionClose(t *testing.T) {
	service := realservice.Find(t)
	verifier := connect(t, service.Options(t))
	var sessions []*realservice.SignedIn
	var sockets []*fakeSocket
	for range 50 {
		session := service.SignIn(t)
		sessions = append(sessions, session)
		claims, err := verifier.Verify(context.Background(), session.AccessToken)
		assertEqual(t, "verdict", verdict(err), "accepted")
		for range 2 {
			socket := &fakeSocket{session: session}
			held, err := verifier.Hold(socket, claims)
			assertEqual(t, "hold", verdict(err), "accepted")
			t.Cleanup(held.Release)
			sockets = append(sockets, socket)
		}
	}
	assertEqual(t, "sockets", verifier.Health().Sockets, 100)
	ended := sessions[17]
	ended.SignOut(t)
	eventually(t, "both sockets of the session close", func() bool {
		return len(sockets[34].codes()) == 1 && len(sockets[35].codes()) == 1
	})
	for _, socket := range sockets {
		codes := socket.codes()
		if socket.session == ended {
			assertEqual(t, "close code", codes[0], 4401)
		} else {
			assertEqual(t, "closings of another session", len(codes), 0)
		}
	}
	assertEqual(t, "sockets left", verifier.Health().Sockets, 98)
}
