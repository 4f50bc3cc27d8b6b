// One network fills the queue of both instances with right passwords. Then users elsewhere sign in.
import * as argon2 from '@node-rs/argon2'
import { expect, onTestFinished, test } from 'vitest'
import { copiesOf } from '../support/copied-users.ts'
import { reportFault } from '../support/fault-report.ts'
import { cheapPasswordChecks } from '../support/password-checks.ts'
import { TestClient, type ApiResponse, type TestUser } from '../support/test-client.ts'
import { migratedDatabase, startOn } from '../support/test-service.ts'

const QUEUE = 64
const REFUSED = 20
/** One is hashed, the others wait or are refused. */
const FLOOD = 1 + QUEUE + REFUSED
const USERS_ELSEWHERE = 20
const ADDRESS_OF_THE_FLOOD = '203.0.113.80'

/** Checks of passwords that wait for the test while it holds them. */
class HeldChecks {
  isHeld = false
  readonly #waiting: (() => void)[] = []
  #arrival = Promise.withResolvers<undefined>()

  readonly argon2 = {
    hash: argon2.hash,
    verify: async (hash: string, password: string): Promise<boolean> => {
      if (this.isHeld) await this.#turn()
      return argon2.verify(hash, password)
    },
  }

  /** Lets as many checks go on, one after the other, and then all. */
  async release(count: number): Promise<void> {
    for (let released = 0; released < count; released += 1) {
      while (this.#waiting.length === 0) await this.#arrival.promise
      this.#waiting.shift()?.()
    }
  }

  releaseAll(): void {
    this.isHeld = false
    for (const goOn of this.#waiting.splice(0)) goOn()
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#arrival.resolve(undefined)
      this.#arrival = Promise.withResolvers()
    })
  }
}

const statusOf = ({ status }: ApiResponse): number => status

/** Many sign-ins in parallel. */
class Flood {
  readonly statuses: Promise<number[]>
  readonly #wanted = new Map<number, () => void>()
  #refused = 0

  constructor(signIns: readonly Promise<ApiResponse>[]) {
    this.statuses = Promise.all(signIns.map(async (response) => this.#count((await response).status)))
    // A failure of the test closes the connections.
    this.statuses.catch(() => undefined)
  }

  /** Waits until so many have got 503. */
  refused(count: number): Promise<void> {
    return this.#refused >= count
      ? Promise.resolve()
      : new Promise((resolve) => this.#wanted.set(count, resolve))
  }

  #count(status: number): number {
    if (status === 503) this.#refused += 1
    this.#wanted.get(this.#refused)?.()
    return status
  }
}

class Instance {
  readonly checks: HeldChecks
  readonly #url: string

  private constructor(url: string, checks: HeldChecks) {
    this.#url = url
    this.checks = checks
  }

  static async start(place: Awaited<ReturnType<typeof migratedDatabase>>): Promise<Instance> {
    const checks = new HeldChecks()
    const { hashing, ...others } = cheapPasswordChecks
    const slots = { slots: 1, queueLimit: QUEUE, longestWaitMs: 100_000, argon2: checks.argon2 }
    const settings = { ...place, remove: () => Promise.resolve() }
    const service = await startOn(settings, {}, undefined, { ...others, hashing: { ...hashing, ...slots } })
    onTestFinished(() => service.stop())
    return new Instance(service.url, checks)
  }

  register = (): Promise<TestUser> => new TestClient(this.#url).register()

  /** The device of each user is known, so that no budget ends the flood. */
  signIn({ username, password }: TestUser, address?: string): Promise<ApiResponse> {
    const body = { username, password, device_id: `device of ${username}`.replaceAll(' ', '-') }
    return new TestClient(this.#url, address).post('/v1/sessions', body)
  }

  flood(users: readonly TestUser[]): Flood {
    this.checks.isHeld = true
    return new Flood(users.map((user) => this.signIn(user, ADDRESS_OF_THE_FLOOD)))
  }
}

test(
  'users elsewhere sign in while one network fills the queue with right passwords',
  { tags: ['SIGN-IN-40'], timeout: 120_000 },
  async () => {
    const place = await migratedDatabase()
    onTestFinished(place.remove)
    const instances = [await Instance.start(place), await Instance.start(place)] as const
    const users = await copiesOf(await instances[0].register(), FLOOD + USERS_ELSEWHERE, place.url)
    const [flooding, elsewhere] = [users.slice(0, FLOOD), users.slice(FLOOD)]
    for (const user of flooding)
      expect(statusOf(await instances[0].signIn(user, ADDRESS_OF_THE_FLOOD))).toBe(201)
    for (const instance of instances) {
      const flood = instance.flood(flooding)
      await flood.refused(REFUSED)
      // Each from a network where the user never was.
      const signIns = Promise.all(elsewhere.map((user) => instance.signIn(user).then(statusOf)))
      await flood.refused(REFUSED + USERS_ELSEWHERE)
      // One check of the flood is in progress, and then it has every other turn.
      await instance.checks.release(1 + 2 * USERS_ELSEWHERE)
      expect(await signIns).toEqual(elsewhere.map(() => 201))
      instance.checks.releaseAll()
      const statuses = await flood.statuses
      expect(new Set(statuses)).toEqual(new Set([201, 503]))
      expect(statuses.filter((status) => status === 503)).toHaveLength(REFUSED + USERS_ELSEWHERE)
    }
    reportFault({
      fault: 'flood of right passwords from one network',
      rounds: instances.length,
      injected: instances.length * FLOOD,
      acknowledged: instances.length * USERS_ELSEWHERE,
      lost: 0,
      falseLogouts: 0,
    })
  },
)
