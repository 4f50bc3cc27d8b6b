import type { Meter } from '@opentelemetry/api'
import { ApplicationError } from '../../application/errors.ts'
import type { PasswordHasher } from '../../application/ports/password-hasher.ts'
import type { SlotObserver } from '../crypto/bounded-slots.ts'
import { DURATION_BUCKETS } from './buckets.ts'

export interface LoadedHasher extends PasswordHasher {
  readonly load: { readonly running: number; readonly waiting: number }
}

/** For the hasher: how long each password waited and took. */
export function timeHashing(meter: Meter): SlotObserver {
  const advice = { explicitBucketBoundaries: DURATION_BUCKETS }
  const wait = meter.createHistogram('chat_auth_hashing_wait_seconds', {
    description: 'How long passwords waited to be hashed',
    advice,
  })
  const work = meter.createHistogram('chat_auth_hashing_seconds', {
    description: 'How long hashing a password took, without the wait',
    advice,
  })
  return (waitedMs, ranMs) => {
    wait.record(waitedMs / 1_000)
    work.record(ranMs / 1_000)
  }
}

/** The same hasher; what it refuses is counted. */
export function observeHashing(meter: Meter, hasher: LoadedHasher): PasswordHasher {
  meter
    .createObservableGauge('chat_auth_hashing_passwords', {
      description: 'Passwords that are being hashed (running) or wait for it (waiting)',
    })
    .addCallback((result) => {
      const { running, waiting } = hasher.load
      result.observe(running, { state: 'running' })
      result.observe(waiting, { state: 'waiting' })
    })
  const refused = meter.createCounter('chat_auth_hashing_refused', {
    description: 'Passwords that were refused as overloaded, since too many waited',
  })
  refused.add(0)
  const note = (error: unknown): never => {
    if (error instanceof ApplicationError && error.code === 'overloaded') refused.add(1)
    throw error
  }
  return {
    requireRoom: () => {
      try {
        hasher.requireRoom()
      } catch (error) {
        note(error)
      }
    },
    hash: (password) => hasher.hash(password).catch(note),
    verify: (typed, stored, inUse) => hasher.verify(typed, stored, inUse).catch(note),
  }
}
