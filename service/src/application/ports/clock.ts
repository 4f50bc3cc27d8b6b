/** The time all instances agree on; see docs/decisions/0007-one-clock.md. */
export interface Clock {
  now(): Date
}
