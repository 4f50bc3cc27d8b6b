//go:build go1.25

package chatauth_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
)

type transcriptSettings struct {
	MaxStalenessMs int64  `json:"max_staleness_ms"`
	WhenStale      string `json:"when_stale"`
	WallClock      int64  `json:"wall_clock"`
}

type transcriptVectors struct {
	transcriptSettings
	Issuer, Audience string
	JWKS             json.RawMessage
	Tokens           map[string]string
	Transcripts      []struct {
		transcriptSettings
		Name  string
		Steps []json.RawMessage
	}
}

// step is one step of a transcript. Pointers tell null from what is missing.
type step struct {
	At      int64
	Request *struct {
		LastEventID *string `json:"last_event_id"`
	}
	Response *struct {
		Status          int
		ContentType     string `json:"content_type"`
		ContentEncoding string `json:"content_encoding"`
		Body            json.RawMessage
	}
	VerifyDelivery                string `json:"verify_delivery"`
	Meanwhile                     string
	Bytes, End, Connection, Ready string
	Base64                        []byte
	Times                         int
	Close                         bool
	Requests, KeyFetches          *int `json:"-"`
	Verify, Result, Token         string
	Hold, Renew                   string
	Reason                        json.RawMessage
	Roles, SessionEnded           json.RawMessage `json:"-"`
	MaxAge                        int64           `json:"max_age"`
	AMR                           []string
	Introspection                 *struct {
		Status int
		Body   json.RawMessage
	}
	Health         map[string]any
	ReceiptsStatus int `json:"receipts_status"`
	Redeem         *struct{ Ticket, Origin string }
	Claims         json.RawMessage
	// all has every member, for those that are compared as they are.
	all map[string]json.RawMessage
}

func TestTheVerifierFollowsTheTranscripts(t *testing.T) {
	vectors := readVectors[transcriptVectors](t, "transcripts.json")
	for _, transcript := range vectors.Transcripts {
		settings := vectors.transcriptSettings
		if transcript.MaxStalenessMs != 0 {
			settings.MaxStalenessMs = transcript.MaxStalenessMs
		}
		if transcript.WhenStale != "" {
			settings.WhenStale = transcript.WhenStale
		}
		if transcript.WallClock != 0 {
			settings.WallClock = transcript.WallClock
		}
		t.Run(transcript.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlayer(t, vectors, settings)
				for _, text := range transcript.Steps {
					s := step{}
					if json.Unmarshal(text, &s) != nil || json.Unmarshal(text, &s.all) != nil {
						t.Fatalf("a step cannot be read: %s", text)
					}
					p.play(s)
				}
			})
		})
	}
}
