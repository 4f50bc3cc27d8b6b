package service

import (
	"context"

	"chat-auth/chatauth/internal/token"
)

// SharedSecret is a secret shared with the service (HS256). The kid of a token is ignored.
type SharedSecret struct{ key *token.Key }

// NewSharedSecret returns the only key of a verifier with a shared secret.
func NewSharedSecret(secret string) SharedSecret { return SharedSecret{token.NewSecretKey(secret)} }

// Allows tells whether the algorithm is HS256.
func (s SharedSecret) Allows(algorithm string) bool { return algorithm == token.HS256 }

// Find returns the secret for any kid.
func (s SharedSecret) Find(string) *token.Key { return s.key }

// Count returns 1.
func (s SharedSecret) Count() int { return 1 }

// Refresh has nothing to fetch.
func (s SharedSecret) Refresh(context.Context) (bool, error) { return true, nil }

// Start has nothing to start.
func (s SharedSecret) Start() {}

// Close has nothing to stop.
func (s SharedSecret) Close() {}
