package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"chat-auth/chatauth"
	"chat-auth/chatauth/internal/realservice"
)

func TestTheStreamsOfAnEndedSessionCloseAndOthersGoOn(t *testing.T) {
	service := realservice.Find(t)
	gateway := startGateway(t, service)
	ending, living := service.SignIn(t), service.SignIn(t)
	first, second := openStream(t, gateway, ending), openStream(t, gateway, living)

	say(t, gateway, ending, "hello")
	for _, stream := range []*reader{first, second} {
		if got := stream.next(t); !strings.Contains(got, `"text":"hello"`) {
			t.Fatalf("got %q", got)
		}
	}
	ending.SignOut(t)
	if got, want := first.next(t), `close {"code":4401,"reason":"session ended"}`; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	if _, err := first.ReadString('\n'); err != io.EOF {
		t.Fatalf("the stream goes on: %v", err)
	}
	if status := get(t, gateway+"/me", ending.AccessToken).StatusCode; status != 401 {
		t.Fatalf("got status %d for an ended session", status)
	}
	say(t, gateway, living, "still here")
	if got := second.next(t); !strings.Contains(got, "still here") {
		t.Fatalf("got %q", got)
	}
}

func startGateway(t *testing.T, service *realservice.Service) string {
	verifier, err := chatauth.New(context.Background(), service.Options(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Ready(context.Background()); err != nil {
		t.Fatal(err)
	}
	room := newRoom(verifier)
	server := httptest.NewServer(room.routes())
	t.Cleanup(func() {
		room.closeAll()
		server.Close()
		verifier.Close()
	})
	return server.URL
}

// reader reads the events of a stream.
type reader struct{ *bufio.Reader }

// next returns the name and the data of the next event.
func (r *reader) next(t *testing.T) string {
	t.Helper()
	var name, data string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case line == "\n":
			return name + " " + data
		case strings.HasPrefix(line, "event: "):
			name = strings.TrimSpace(line[len("event: "):])
		case strings.HasPrefix(line, "data: "):
			data = strings.TrimSpace(line[len("data: "):])
		}
	}
}

func openStream(t *testing.T, gateway string, session *realservice.SignedIn) *reader {
	t.Helper()
	response := get(t, gateway+"/stream?ticket="+session.Ticket(t), "")
	stream := &reader{bufio.NewReader(response.Body)}
	if got := stream.next(t); got != "open {}" {
		t.Fatalf("got %d %q", response.StatusCode, got)
	}
	return stream
}

func get(t *testing.T, url, token string) *http.Response {
	t.Helper()
	request, _ := http.NewRequest("GET", url, nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func say(t *testing.T, gateway string, session *realservice.SignedIn, text string) {
	t.Helper()
	request, _ := http.NewRequest("POST", gateway+"/messages", strings.NewReader(`{"text":"`+text+`"}`))
	request.Header.Set("Authorization", "Bearer "+session.AccessToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 204 {
		t.Fatalf("got status %d", response.StatusCode)
	}
}
