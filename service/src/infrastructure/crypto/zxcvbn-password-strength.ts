import type { HashingShare } from '../../application/ports/password-hasher.ts'
import type { PasswordStrength } from '../../application/ports/password-strength.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import type { NewPassword } from '../../domain/password.ts'
import { BoundedSlots, type SlotObserver } from './bounded-slots.ts'
import type { ScoringTasks } from './scoring-thread.ts'
import { TaskThreads, type Threads } from './task-threads.ts'

/** The work of about half a second. */
const QUEUE_LIMIT = 64
/** Load balancers and users give up after about this time. */
const LONGEST_WAIT_MS = 10_000
/** The worst password found takes 10 ms, and reading the dictionaries 0.3 s. Only a fault takes this long. */
const LONGEST_RUN_MS = 20_000

/** Every service of this process shares the thread, because its dictionaries take 80 MB. */
const scoringThread = new TaskThreads<ScoringTasks>({
  module: new URL('scoring-thread.ts', import.meta.url),
  longestRunMs: LONGEST_RUN_MS,
})

interface Options {
  /** The names of the service that users see: its brand and its host. */
  readonly serviceNames?: readonly string[]
  readonly threads?: Threads<ScoringTasks>
  readonly queueLimit?: number
  readonly observe?: SlotObserver
}

/** Scores passwords by zxcvbn, one at a time, in a thread: one password takes up to 10 ms. */
export class ZxcvbnPasswordStrength implements PasswordStrength {
  readonly #serviceNames: readonly string[]
  readonly #threads: Threads<ScoringTasks>
  readonly #slots: BoundedSlots

  constructor({
    serviceNames = [],
    threads = scoringThread,
    queueLimit = QUEUE_LIMIT,
    observe,
  }: Options = {}) {
    this.#serviceNames = serviceNames
    this.#threads = threads
    this.#slots = new BoundedSlots({
      slots: 1,
      queueLimit,
      longestWaitMs: LONGEST_WAIT_MS,
      retryAfterSeconds: 1,
      observe,
    })
  }

  /** Reads the dictionaries. Throws if the thread cannot, for example because a package is missing. */
  async load(): Promise<void> {
    await this.#threads.run('objection', 'any password' as NewPassword, { personal: [], service: [] })
  }

  async objection(
    password: NewPassword,
    personal: readonly string[],
    share: HashingShare,
  ): Promise<InvalidValue | undefined> {
    const names = { personal, service: this.#serviceNames }
    const found = await this.#slots.run(() => this.#threads.run('objection', password, names), share)
    return found && new InvalidValue(found.code, found.message)
  }
}
