import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { parseOptions, type Options } from '@node-rs/argon2'
import type { HashingShare, PasswordHasher } from '../../application/ports/password-hasher.ts'
import { normalizePassword, type Password, type PasswordHash } from '../../domain/password.ts'
import { BoundedSlots, type SlotObserver } from './bounded-slots.ts'
import { passlibPbkdf2Sha256, type ForeignPasswordHash } from './foreign-password-hashes.ts'
import { hashingThreads } from './unstarved-threads.ts'

interface Argon2 {
  hash(password: string, parameters: Options): Promise<string>
  verify(hash: string, password: string): Promise<boolean>
}

const argon2InThreads: Argon2 = {
  hash: (password, parameters) => hashingThreads.run('argon2Hash', password, parameters),
  verify: (hash, password) => hashingThreads.run('argon2Verify', hash, password),
}

export interface Argon2Options {
  readonly memoryKib?: number
  readonly passes?: number
  readonly parallelism?: number
  /** Checks that run at the same time. Each holds `memoryKib`. */
  readonly slots?: number
  readonly queueLimit?: number
  readonly longestWaitMs?: number
  readonly observe?: SlotObserver
  readonly foreignHash?: ForeignPasswordHash
  readonly argon2?: Argon2
}

/** One core is left for requests that need no hash, and for the rest of the work of a sign-in. */
const slotsBesideOthers = (): number => Math.max(1, availableParallelism() - 1)

const saltBytes = 16
const hashBytes = 32

/** About a second of work. A caller who would wait longer is refused and retries. */
const queuedPerSlot = 64
/**
 * A check waits longer than a second if other programs take all cores, since hashing gives way to them. Load balancers
 * and users give up after about this time.
 */
const usualLongestWaitMs = 10_000

/**
 * The highest cost a stored hash may ask for, unless new hashes cost more. It is above the defaults of other services,
 * and low enough that a single row cannot use up all memory.
 */
const most = { memoryCost: 65_536, timeCost: 10, parallelism: 8 }
const mostEncodedCharacters = 512

interface Parameters {
  readonly memoryCost: number
  readonly timeCost: number
  readonly parallelism: number
  readonly outputLen: number
}

/** Argon2id. The default is the OWASP minimum of 19 MiB and two passes (ASVS 11.4.2). */
export class Argon2PasswordHasher implements PasswordHasher {
  readonly #parameters: Parameters
  readonly #slots: BoundedSlots
  readonly #foreign: ForeignPasswordHash
  readonly #argon2: Argon2
  readonly #dummy: string

  constructor(options: Argon2Options = {}) {
    const { memoryKib = 19_456, passes = 2, parallelism = 1, slots = slotsBesideOthers() } = options
    this.#parameters = { memoryCost: memoryKib, timeCost: passes, parallelism, outputLen: hashBytes }
    this.#slots = new BoundedSlots({
      slots,
      queueLimit: options.queueLimit ?? slots * queuedPerSlot,
      longestWaitMs: options.longestWaitMs ?? usualLongestWaitMs,
      retryAfterSeconds: 1,
      observe: options.observe,
    })
    this.#foreign = options.foreignHash ?? passlibPbkdf2Sha256
    this.#argon2 = options.argon2 ?? argon2InThreads
    this.#dummy = this.#prefix + `${unpadded(randomBytes(saltBytes))}$${unpadded(randomBytes(hashBytes))}`
  }

  requireCapacity(...shares: readonly HashingShare[]): void {
    this.#slots.requireCapacity(shares)
  }

  /** The number of passwords that are being hashed, and of those that wait for a slot. */
  get load(): { readonly running: number; readonly waiting: number } {
    return this.#slots.load
  }

  hash(password: Password, share: HashingShare): Promise<PasswordHash> {
    const hash = async () => (await this.#argon2.hash(password, this.#parameters)) as PasswordHash
    return this.#slots.run(hash, share)
  }

  verify(
    typed: string,
    stored: PasswordHash | undefined,
    foreignHashesInUse: boolean,
    share: HashingShare,
  ): Promise<{ matches: boolean; outdated: boolean }> {
    return this.#slots.run(async () => {
      const own = await this.#verifyOwn(typed, stored)
      const foreign = await this.#verifyForeign(typed, stored, foreignHashesInUse)
      return { matches: own || foreign, outdated: foreign || (own && !this.#isCurrent(stored)) }
    }, share)
  }

  /** Whether parameters, salt length and hash length are those of the dummy, which has the form of every new hash. */
  #isCurrent(stored: string | undefined): boolean {
    return stored?.startsWith(this.#prefix) === true && stored.length === this.#dummy.length
  }

  async #verifyOwn(typed: string, stored: string | undefined): Promise<boolean> {
    const password = normalizePassword(typed)
    const real = password !== undefined && stored !== undefined && isReasonable(stored, this.#parameters)
    const matches = await this.#argon2.verify(real ? stored : this.#dummy, password ?? '')
    return real && matches
  }

  async #verifyForeign(typed: string, stored: string | undefined, inUse: boolean): Promise<boolean> {
    const real = stored !== undefined && this.#foreign.recognises(stored)
    if (!real && !inUse) return false
    const matches = await this.#foreign.verify(typed, real ? stored : this.#foreign.dummy)
    return real && matches
  }

  /** The start of every hash with the current parameters. */
  get #prefix(): string {
    const { memoryCost, timeCost, parallelism } = this.#parameters
    return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`
  }
}

/** Whether `hash` is an Argon2 hash in the standard form, and its check takes bounded memory and time. */
function isReasonable(hash: string, current: Parameters): boolean {
  if (hash.length > mostEncodedCharacters) return false
  try {
    const asked = parseOptions(hash)
    const costs = ['memoryCost', 'timeCost', 'parallelism'] as const
    const isAffordable = costs.every((cost) => asked[cost] <= Math.max(most[cost], current[cost]))
    return isAffordable && asked.outputLen >= hashBytes / 2
  } catch {
    return false
  }
}

/** Base64 without padding, as PHC strings use it. */
const unpadded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
