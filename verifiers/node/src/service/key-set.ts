import { createSecretKey } from 'node:crypto'
import { jittered, type Clock } from './clock.ts'
import type { SendJson } from './json-requests.ts'
import { readKeySet, type PublishedKey } from './published-keys.ts'
import { createVerificationKey, type TokenAlgorithm, type VerificationKey } from './signatures.ts'

/** Where verification keys come from. */
export interface KeySource {
  /** Tokens that name any other algorithm are refused before a key is looked for (RFC 8725, section 3.1). */
  readonly algorithms: ReadonlySet<TokenAlgorithm>
  readonly size: number
  find(kid: string): VerificationKey | undefined
  /** Fetches the keys if that is due; answers whether the service has said what they are. */
  refresh(): Promise<boolean>
  close(): void
}

/** One secret shared with the service; its tokens may name any `kid`. */
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
const LONGEST_RETRY_MS = 2_000
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
  /** Keys came for the first time. */
  readonly onKeys: () => void
}

/**
 * The published keys of the service, fetched at once, hourly, and for a `kid` not seen before. A fetch that fails, or
 * that brings no usable key, changes nothing.
 */
export class KeySet implements KeySource {
  readonly algorithms: ReadonlySet<TokenAlgorithm> = new Set<TokenAlgorithm>(['EdDSA', 'ES256', 'RS256'])
  readonly #deps: KeySetDeps
  #keys: ReadonlyMap<string, PublishedKey> = new Map()
  #underWay: Promise<boolean> | undefined
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

  /** However many ask, one fetch is under way, and another begins only after the cooldown. */
  refresh(): Promise<boolean> {
    if (this.#underWay !== undefined) return this.#underWay
    if (this.#deps.clock.monotonicMs() - this.#startedAt < COOLDOWN_MS)
      return Promise.resolve(this.#succeeded)
    return this.fetch()
  }

  /** Fetches now, whatever the cooldown says, and goes on doing so in the background. */
  fetch(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false)
    this.#cancelTimer()
    this.#startedAt = this.#deps.clock.monotonicMs()
    this.#underWay = this.#load().then((succeeded) => {
      this.#succeeded = succeeded
      this.#underWay = undefined
      this.#scheduleNext()
      return succeeded
    })
    return this.#underWay
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
  }

  async #load(): Promise<boolean> {
    try {
      const { status, body } = await this.#deps.send(request)
      if (status !== 200) throw new Error(`it answered with status ${status}; is url the internal listener?`)
      const keys = readKeySet(body, this.#keys)
      if (keys === undefined) throw new Error('the answer holds no usable key')
      const isFirst = this.#keys.size === 0
      this.#keys = keys
      this.#failures = 0
      if (isFirst) this.#deps.onKeys()
      return true
    } catch (error) {
      this.#failures += 1
      const why = error instanceof Error ? error.message : 'unknown failure'
      if (!this.#isClosed)
        this.#deps.onError(new Error(`The keys of the auth service cannot be fetched: ${why}`))
      return false
    }
  }

  #scheduleNext(): void {
    if (this.#isClosed) return
    const afterFailure =
      this.#keys.size > 0
        ? RETRY_WITH_KEYS_MS
        : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10))
    const delay = this.#failures === 0 ? REFRESH_EVERY_MS : afterFailure
    this.#cancelTimer = this.#deps.clock.after(jittered(delay, this.#deps.clock), () => void this.fetch())
  }
}
