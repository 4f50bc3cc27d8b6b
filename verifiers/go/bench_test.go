//go:build go1.25

package chatauth_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chat-auth/chatauth"
)

// signer makes tokens as the service does.
type signer struct {
	private ed25519.PrivateKey
	jwks    string
}

var encoding = base64.RawURLEncoding

func newSigner() signer {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	x := encoding.EncodeToString(private.Public().(ed25519.PublicKey))
	return signer{private, fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":%q}]}`, x)}
}

func (s signer) sign(payload string) string {
	signed := encoding.EncodeToString([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"k"}`)) + "." +
		encoding.EncodeToString([]byte(payload))
	return signed + "." + encoding.EncodeToString(ed25519.Sign(s.private, []byte(signed)))
}

func (s signer) token(session int) string {
	now := time.Now().Unix()
	return s.sign(fmt.Sprintf(`{"iss":"https://auth.example.org","aud":"chat","sub":"17","user_id":17,`+
		`"sid":"0199aa11-5a3c-7c7e-9a53-%012x","gen":3,"jti":"7c9e6679-7425-40de-944b-e07fc1f90ae7","iat":%d,"exp":%d,`+
		`"auth_time":%d,"amr":["pwd"],"roles":["moderator"],"rcp":"3q2-7wECAwQFBgcI"}`, session, now, now+600, now))
}

// startBenched returns a fresh verifier in the usual time of the machine.
func startBenched(b *testing.B, s signer, cacheSize int) *chatauth.Verifier {
	stage := newStage(b)
	stage.keys = reply{200, s.jwks}
	stage.onFeed = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		serverTime := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		_, _ = io.WriteString(w, `data: {"log":"l","seq":0,"server_time":"`+serverTime+`","revocations":[]}`+"\nevent: snapshot\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	verifier, err := chatauth.New(context.Background(), stage.options(chatauth.Options{
		Issuer: "https://auth.example.org", Audience: "chat", CacheSize: cacheSize, MaxStaleness: time.Hour,
	}, time.Now))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { verifier.Close() })
	if err := verifier.Ready(context.Background()); err != nil {
		b.Fatal(err)
	}
	return verifier
}

func verifyEach(b *testing.B, verifier *chatauth.Verifier, tokens []string) {
	ctx := context.Background()
	at := 0
	for b.Loop() {
		if _, err := verifier.Verify(ctx, tokens[at%len(tokens)]); err != nil {
			b.Fatal(err)
		}
		at++
	}
}

func manyTokens(s signer, count int) []string {
	tokens := make([]string, count)
	for at := range tokens {
		tokens[at] = s.token(at)
	}
	return tokens
}

// BenchmarkFirstSight reports how much longer a token takes than its signature alone, by the medians. Both take turns, so that a busy
// machine slows both.
func BenchmarkFirstSight(b *testing.B) {
	s := newSigner()
	verifier, tokens := startBenched(b, s, chatauth.NoCache), manyTokens(s, 10_000)
	public := s.private.Public().(ed25519.PublicKey)
	var whole, bare []time.Duration
	at := 0
	for b.Loop() {
		token := tokens[at%len(tokens)]
		at++
		begun := time.Now()
		_, err := verifier.Verify(context.Background(), token)
		between := time.Now()
		signed, signature, _ := strings.Cut(token, ".")
		payload, signature, _ := strings.Cut(signature, ".")
		decoded, _ := encoding.DecodeString(signature)
		message := []byte(signed + "." + payload)
		prepared := time.Now()
		isRight := ed25519.Verify(public, message, decoded)
		bare = append(bare, time.Since(prepared))
		whole = append(whole, between.Sub(begun))
		if err != nil || !isRight {
			b.Fatal(err)
		}
	}
	slices.Sort(whole)
	slices.Sort(bare)
	b.ReportMetric(float64(whole[at/2])/float64(bare[at/2]), "x-bare")
	b.ReportMetric(float64(bare[at/2].Nanoseconds()), "bare-ns")
	b.ReportMetric(float64(whole[at/2].Nanoseconds()), "whole-ns")
}

func BenchmarkSeenBefore(b *testing.B) {
	s := newSigner()
	verifyEach(b, startBenched(b, s, 10_000), manyTokens(s, 1_000))
}

func BenchmarkSeenBeforeByAllProcessors(b *testing.B) {
	s := newSigner()
	verifier, tokens := startBenched(b, s, 10_000), manyTokens(s, 1_000)
	b.RunParallel(func(pb *testing.PB) {
		for at := 0; pb.Next(); at++ {
			if _, err := verifier.Verify(context.Background(), tokens[at%len(tokens)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEndedSessions reports the memory for each of a million ended sessions.
func BenchmarkEndedSessions(b *testing.B) {
	const count = 1_000_000
	s := newSigner()
	stage := newStage(b)
	stage.keys = reply{200, s.jwks}
	var sent sync.Once
	stage.onFeed = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		sent.Do(func() { sendEnds(w, count) })
		<-r.Context().Done()
	}
	before := heapBytes()
	verifier, err := chatauth.New(context.Background(), stage.options(chatauth.Options{
		Issuer: "https://auth.example.org", Audience: "chat", MaxStaleness: time.Hour,
	}, time.Now))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { verifier.Close() })
	for b.Loop() {
		if err := verifier.Ready(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heapBytes()-before)/float64(verifier.Health().Revoked), "bytes/session")
	b.ReportMetric(float64(verifier.Health().Revoked), "sessions")
}

func sendEnds(w io.Writer, count int) {
	now := time.Now().UTC()
	expires := now.Add(10 * time.Minute).Format("2006-01-02T15:04:05.000Z")
	for at := 0; at < count; {
		_, _ = io.WriteString(w, "event: revocations\ndata: {\"log\":\"l\",\"revocations\":[")
		for last := at + 1_000; at < last; at++ {
			_, _ = fmt.Fprintf(w, `{"seq":%d,"sid":"0199aa11-5a3c-7c7e-9a53-%012x","user_id":%d,"reason":"signed_out","expires_at":%q}`,
				at+1, at, at+1, expires)
			if at+1 < last {
				_, _ = io.WriteString(w, ",")
			}
		}
		_, _ = io.WriteString(w, "]}\n\n")
	}
	_, _ = fmt.Fprintf(w, "event: snapshot\ndata: {\"log\":\"l\",\"seq\":%d,\"server_time\":%q,\"revocations\":[]}\n\n",
		count, now.Format("2006-01-02T15:04:05.000Z"))
	_ = http.NewResponseController(w.(http.ResponseWriter)).Flush()
}

func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
