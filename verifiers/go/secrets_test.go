//go:build go1.25

package chatauth_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"chat-auth/chatauth"
)

func TestSecretsAreNotPrinted(t *testing.T) {
	options := chatauth.Options{
		URL: "http://user:the-password@auth:8010", ServiceKey: "the-service-key",
		SharedSecret: "the-shared-secret-of-32-characters", Issuer: "https://auth.example.org",
	}
	valid := options
	valid.URL, valid.OnError = "http://127.0.0.1:1", func(error) {}
	verifier, err := chatauth.New(context.Background(), valid)
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Close()
	for _, value := range []any{options, &options, []chatauth.Options{options}, verifier, []any{verifier}} {
		var printed bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&printed, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&printed, nil)).Info("text", "value", value)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("json", "value", value)
		for _, secret := range []string{"the-password", "the-service-key", "the-shared-secret"} {
			if strings.Contains(printed.String(), secret) || strings.Contains(printed.String(), fmt.Sprintf("%x", secret)) {
				t.Errorf("%T shows %s: %s", value, secret, printed.String())
			}
		}
	}
	if text := fmt.Sprint(options); !strings.Contains(text, "Issuer:https://auth.example.org") {
		t.Errorf("the other options are missing: %s", text)
	}
	if text := fmt.Sprint(verifier); text != "chatauth.Verifier of http://127.0.0.1:1/" {
		t.Errorf("got %s", text)
	}
}

func TestAPublicKeyIsNoSharedSecretWhateverStandsBeforeIt(t *testing.T) {
	for _, before := range []string{"", " \r\n\t", "\v", "\f", "\u00a0", "\u2028", "\ufeff", "\ufeff \ufeff"} {
		verifier, err := chatauth.New(t.Context(), chatauth.Options{
			URL: "http://auth", ServiceKey: "k", Issuer: "i",
			SharedSecret: before + "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAA",
		})
		if err == nil {
			verifier.Close()
			t.Errorf("accepted after %q", before)
		}
	}
}
