package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"chat-auth/chatauth"
	"chat-auth/chatauth/httpauth"
)

const maxMessageBytes = 4096

// room passes each message on to all open streams.
type room struct {
	verifier *chatauth.Verifier
	mutex    sync.Mutex
	streams  map[*stream]struct{}
}

func newRoom(verifier *chatauth.Verifier) *room {
	return &room{verifier: verifier, streams: map[*stream]struct{}{}}
}

func (r *room) routes() http.Handler {
	requireToken := httpauth.RequireToken(r.verifier)
	mux := http.NewServeMux()
	mux.Handle("GET /me", requireToken(http.HandlerFunc(r.me)))
	mux.Handle("POST /messages", requireToken(http.HandlerFunc(r.say)))
	mux.HandleFunc("GET /stream", r.open)
	mux.HandleFunc("GET /ready", r.ready)
	return mux
}

func (r *room) me(w http.ResponseWriter, request *http.Request) {
	respond(w, http.StatusOK, httpauth.ClaimsOf(request))
}

func (r *room) ready(w http.ResponseWriter, _ *http.Request) {
	health := r.verifier.Health()
	status := http.StatusOK
	if !health.Fresh {
		status = http.StatusServiceUnavailable
	}
	respond(w, status, map[string]any{"fresh": health.Fresh, "sockets": health.Sockets})
}

func (r *room) say(w http.ResponseWriter, request *http.Request) {
	var message struct {
		Text string `json:"text"`
	}
	body := http.MaxBytesReader(w, request.Body, maxMessageBytes)
	if err := json.NewDecoder(body).Decode(&message); err != nil || message.Text == "" {
		respond(w, http.StatusUnprocessableEntity, map[string]string{"detail": `Send {"text": "…"} of at most 4 KiB.`})
		return
	}
	text, _ := json.Marshal(map[string]any{"from": httpauth.ClaimsOf(request).UserID, "text": message.Text})
	r.tellAll(event{"message", text})
	w.WriteHeader(http.StatusNoContent)
}

// open serves a stream. A browser cannot send headers with it, so it comes with a ticket: GET /stream?ticket=…
func (r *room) open(w http.ResponseWriter, request *http.Request) {
	claims, err := r.claimsOf(request)
	if err != nil {
		httpauth.WriteRefusal(w, err)
		return
	}
	s := newStream()
	held, err := r.verifier.Hold(s, claims)
	if err != nil {
		httpauth.WriteRefusal(w, err)
		return
	}
	defer held.Release()
	r.add(s)
	defer r.remove(s)
	s.serve(w, request)
}

func (r *room) claimsOf(request *http.Request) (chatauth.Claims, error) {
	tickets := request.URL.Query()["ticket"]
	switch len(tickets) {
	case 0:
		return httpauth.Authenticate(r.verifier, request)
	case 1:
		return r.verifier.RedeemTicket(request.Context(), tickets[0], request.Header.Get("Origin"))
	}
	return chatauth.Claims{}, chatauth.NewTokenRefused(chatauth.CodeTicketGone)
}

func (r *room) add(s *stream) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.streams[s] = struct{}{}
}

func (r *room) remove(s *stream) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.streams, s)
}

func (r *room) tellAll(e event) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for s := range r.streams {
		s.send(e)
	}
}

func (r *room) closeAll() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for s := range r.streams {
		_ = s.Close(1001, "going away")
	}
}

func respond(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
