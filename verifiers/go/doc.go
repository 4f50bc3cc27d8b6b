// Package chatauth checks chat-auth access tokens inside your service, without a request for each token. Within seconds of
// the end of a session it refuses the session's tokens and closes its sockets.
//
//	verifier, err := chatauth.New(context.Background(), chatauth.Options{ // closes when this context is done
//		URL:        "http://auth:8010", // the internal listener
//		ServiceKey: os.Getenv("SERVICE_KEY"),
//		Issuer:     "https://auth.example",
//		Audience:   "chat",
//	})
//	if err != nil {
//		return err // an option is invalid
//	}
//	defer verifier.Close()
//	if err := verifier.Ready(ctx); err != nil {
//		return err // says what to check
//	}
//	claims, err := verifier.Verify(ctx, token) // a *TokenRefused with a stable Code
//
// The verifier checks signature, algorithm, type, issuer, audience and times with the published keys. In the background it
// follows the feed of ended sessions. If the feed stops, the verifier refuses tokens instead of guessing.
//
// Package httpauth has middleware for net/http. A Verifier is safe for concurrent use.
package chatauth
