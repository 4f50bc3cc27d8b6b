import type { Meter } from '@opentelemetry/api'
import { ApplicationError } from '../../application/errors.ts'
import type { PasswordHasher } from '../../application/ports/password-hasher.ts'
import type { SlotObserver } from '../crypto/bounded-slots.ts'
import { DURATION_BUCKETS } from './buckets.ts'

export interface LoadedHasher extends PasswordHasher {
  readonly load: { readonly running: number; readonly waiting: number }
}

/** Returns an observer for the hasher: it records how long each password waited and how long it was hashed. */
export const timeHashing = (meter: Meter): SlotObserver =>
  timeSlots(meter, {
    wait: ['chat_auth_hashing_wait_seconds', 'Time that passwords waited before they were hashed'],
    work: ['chat_auth_hashing_seconds', 'Time to hash or verify a password, without the wait'],
  })

/** The same for the scoring of new passwords. */
export const timeScoring = (meter: Meter): SlotObserver =>
  timeSlots(meter, {
    wait: ['chat_auth_scoring_wait_seconds', 'Time that new passwords waited before they were scored'],
    work: ['chat_auth_scoring_seconds', 'Time to score a new password, without the wait'],
  })

type NameAndDescription = readonly [name: string, description: string]

function timeSlots(
  meter: Meter,
  measured: { readonly wait: NameAndDescription; readonly work: NameAndDescription },
): SlotObserver {
  const histogram = ([name, description]: NameAndDescription) =>
    meter.createHistogram(name, {
      description,
      advice: { explicitBucketBoundaries: DURATION_BUCKETS },
    })
  const wait = histogram(measured.wait)
  const work = histogram(measured.work)
  return (waitedMs, ranMs) => {
    wait.record(waitedMs / 1_000)
    work.record(ranMs / 1_000)
  }
}

/** The same hasher, with its load measured and its refusals counted. */
export function observeHasher(meter: Meter, hasher: LoadedHasher): LoadedHasher {
  meter
    .createObservableGauge('chat_auth_hashing_passwords', {
      description: 'Passwords that are being hashed (running) or are queued (waiting)',
    })
    .addCallback((result) => {
      const { running, waiting } = hasher.load
      result.observe(running, { state: 'running' })
      result.observe(waiting, { state: 'waiting' })
    })
  const refused = meter.createCounter('chat_auth_hashing_refused', {
    description:
      'Passwords that were refused as overloaded because the queue was full or too slow, or they gave way to others',
  })
  refused.add(0)
  const countRefusal = (error: unknown): never => {
    if (error instanceof ApplicationError && error.code === 'overloaded') refused.add(1)
    throw error
  }
  return {
    get load() {
      return hasher.load
    },
    requireCapacity: (...shares) => {
      try {
        hasher.requireCapacity(...shares)
      } catch (error) {
        countRefusal(error)
      }
    },
    hash: (...given) => hasher.hash(...given).catch(countRefusal),
    verify: (...given) => hasher.verify(...given).catch(countRefusal),
  }
}
