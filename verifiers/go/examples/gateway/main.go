// Command gateway is a chat room that follows chat-auth: each open stream closes when its session ends. It needs the standard
// library only, so its sockets are streams of server-sent events. With WebSockets, Hold takes the connection in the same way.
//
//	SERVICE_KEY=$(cat data/verifier-key) go run ./examples/gateway
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"chat-auth/chatauth"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	// Its life does not end with ctx: streams are closed before the verifier.
	verifier, err := chatauth.New(context.Background(), chatauth.Options{
		URL:        setting("AUTH_URL", "http://127.0.0.1:8010"),
		ServiceKey: os.Getenv("SERVICE_KEY"),
		Issuer:     setting("TOKEN_ISSUER", "http://localhost:8000"),
		Audience:   setting("TOKEN_AUDIENCE", "chat"),
	})
	if err != nil {
		return err
	}
	defer verifier.Close()
	if err := verifier.Ready(ctx); err != nil {
		return err
	}
	room := newRoom(verifier)
	server := &http.Server{
		Addr:              setting("ADDRESS", "127.0.0.1:3000"),
		Handler:           room.routes(),
		ReadHeaderTimeout: 10 * time.Second,
	}
	server.RegisterOnShutdown(room.closeAll)
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	log.Printf("The chat room is open at http://%s.", server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func setting(name, preset string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return preset
}
