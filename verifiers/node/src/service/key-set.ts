import { createSecretKey } from 'node:crypto'
import { jittered, type Clock } from '../clock.ts'
import type { KeySource } from '../token/key-source.ts'
import { readKeySet, type PublishedKey } from '../token/published-keys.ts'
import { createVerificationKey, type TokenAlgorithm, type VerificationKey } from '../token/signatures.ts'
import { reasonOf, type SendJson } from './json-requests.ts'

/** A secret shared with the service (HS256). The `kid` of a token is ignored. */
export function createSharedSecret(secret: string): KeySource {
  const key = createVerificationKey('', 'HS256', createSecretKey(Buffer.from(secret)))
  return {
    algorithms: new Set(['HS256']),
    size: 1,
    find: () => key,
    refresh: () => Promise.resolve(true),
    close: () => undefined,
  }
}

const COOLDOWN_MS = 5_000
const REFRESH_EVERY_MS = 3_600_000
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 2_000
const RETRY_WITH_KEYS_MS = 60_000
const request = {
  method: 'GET',
  path: '.well-known/jwks.json',
  timeoutMs: 3_000,
  maxBytes: 256 * 1024,
} as const

interface KeySetDeps {
  readonly send: SendJson
  readonly clock: Clock
  readonly onError: (error: Error) => void
  /** Called when keys are loaded for the first time. */
  readonly onKeys: () => void
}

/**
 * The published keys of the service (RFC 7517), fetched at the start, hourly, and for an unknown `kid`. If a fetch fails
 * or returns no usable key, the known keys stay.
 */
export class KeySet implements KeySource {
  readonly algorithms: ReadonlySet<TokenAlgorithm> = new Set<TokenAlgorithm>(['EdDSA', 'ES256', 'RS256'])
  readonly #deps: KeySetDeps
  #keys: ReadonlyMap<string, PublishedKey> = new Map()
  #inFlight: Promise<boolean> | undefined
  #startedAt = -Infinity
  #succeeded = false
  #failures = 0
  #cancelTimer = (): void => undefined
  #isClosed = false

  constructor(deps: KeySetDeps) {
    this.#deps = deps
  }

  get size(): number {
    return this.#keys.size
  }

  find(kid: string): VerificationKey | undefined {
    return this.#keys.get(kid)
  }

  /** Concurrent calls share one fetch, and the next one starts only after the cooldown. */
  refresh(): Promise<boolean> {
    if (this.#inFlight !== undefined) return this.#inFlight
    const isTooEarly = this.#deps.clock.monotonicMs() - this.#startedAt < COOLDOWN_MS
    if (isTooEarly) return Promise.resolve(this.#succeeded)
    return this.fetch()
  }

  /** Fetches now, regardless of the cooldown, and schedules the next fetch. */
  fetch(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false)
    this.#cancelTimer()
    this.#startedAt = this.#deps.clock.monotonicMs()
    this.#inFlight = this.#load().then((succeeded) => {
      this.#succeeded = succeeded
      this.#inFlight = undefined
      this.#scheduleNext()
      return succeeded
    })
    return this.#inFlight
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
  }

  async #load(): Promise<boolean> {
    try {
      const { status, body } = await this.#deps.send(request)
      if (status !== 200) throw new Error(`status ${status}; check that url is the internal listener`)
      const keys = readKeySet(body, this.#keys)
      if (keys === undefined) throw new Error('the response contains no usable key')
      const isFirst = this.#keys.size === 0
      this.#keys = keys
      this.#failures = 0
      if (isFirst) this.#deps.onKeys()
      return true
    } catch (error) {
      this.#failures += 1
      if (!this.#isClosed) {
        this.#deps.onError(new Error(`The keys of the auth service cannot be fetched: ${reasonOf(error)}`))
      }
      return false
    }
  }

  #scheduleNext(): void {
    if (this.#isClosed) return
    const afterFailure =
      this.#keys.size > 0
        ? RETRY_WITH_KEYS_MS
        : Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10))
    const delay = this.#failures === 0 ? REFRESH_EVERY_MS : afterFailure
    this.#cancelTimer = this.#deps.clock.after(jittered(delay, this.#deps.clock), () => void this.fetch())
  }
}
