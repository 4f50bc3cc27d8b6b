package chatauth

import (
	"time"

	"chat-auth/chatauth/internal/clock"
	"chat-auth/chatauth/internal/service"
)

// WithWorld replaces the network, the wall clock and randomness.
func (o Options) WithWorld(dial service.Dial, wall func() time.Time, random float64) Options {
	o.dial = dial
	o.clock = clock.System()
	o.clock.Wall = wall
	o.clock.Random = func() float64 { return random }
	return o
}
