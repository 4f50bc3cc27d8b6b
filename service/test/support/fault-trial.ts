// Runs users while a fault happens, records the outcomes they saw, and checks them afterwards.
import { EventEmitter, once } from 'node:events'
import { expect, onTestFailed, onTestFinished } from 'vitest'
import type { Verifier } from '../../../verifiers/node/src/index.ts'
import { ACCEPTED, verdictOn, waitUntil } from '../../../end-to-end/connected.ts'
import { AcknowledgedRecord } from './acknowledged-record.ts'
import { reportFault } from './fault-report.ts'
import { CheckingUser, rotated, type Instance } from './checking-user.ts'
import type { Violation } from './checking-client.ts'
import { findViolations, readRows, type Query } from './record-checker.ts'
import { seededRandom } from './seeded-random.ts'

const USERS = 6
/** The probability that an action ends a session: usually, and during a burst. */
const USUAL_END_PROBABILITY = 0.04
const BURST_END_PROBABILITY = 0.9

interface Checked {
  /** Undefined if only the service itself can reach the database: see `checkDatabase`. */
  readonly query?: Query
  /** Verifiers at healthy instances. Some of them may have been running during the fault. */
  readonly verifiers?: readonly Verifier[]
}

/** `fault` names the row in the fault table. The trial reports its results when the test ends, even if it fails. */
export class FaultTrial {
  /** For the schedule only. Each user has a separate generator, so their actions do not change the schedule. */
  readonly random = seededRandom()
  readonly #fault: string
  readonly #record = new AcknowledgedRecord()
  readonly #everybody: CheckingUser[] = []
  /** The number of each user. Sign-ups without an acknowledgement use up a number too. */
  readonly #numbers = new Map<CheckingUser, number>()
  #signUps = 0
  readonly #checkViolations: Violation[] = []
  #instances: readonly Instance[] = []
  /** Users whose sessions had all ended at the last check. Only the final check tests them again. */
  #settled = new Set<CheckingUser>()
  #rounds = 0
  #injected = 0
  readonly #news = new EventEmitter()
  /** Users who still had sessions when the last round ended. */
  readonly #resting: CheckingUser[] = []
  #loops: Promise<unknown> | undefined
  #isStopping = false
  #endProbability = USUAL_END_PROBABILITY

  constructor(fault: string) {
    this.#fault = fault
    onTestFailed(() => console.log(`TEST_SEED=${this.random.seed}`))
    onTestFinished(async () => {
      await this.settle()
      this.#report()
    })
  }

  moveTo(...instances: readonly Instance[]): void {
    this.#instances = instances
    for (const person of this.#everybody) person.moveTo(this.#instancesOf(this.#numbers.get(person) ?? 0))
  }

  /** Spreads the users over the instances: each starts at the next one. */
  #instancesOf(number: number): readonly Instance[] {
    return rotated(this.#instances, number)
  }

  /** Waits for `count` more acknowledgements, summed over all users. */
  async acknowledged(count: number): Promise<void> {
    const wanted = this.#record.acknowledged + count
    this.#isStopping = false
    this.#loops ??= Promise.all(Array.from({ length: USERS }, () => this.#live()))
    // A function, because the compiler does not see that settle() may change the field meanwhile.
    const isWaiting = (): boolean => !this.#isStopping && this.#record.acknowledged < wanted
    while (isWaiting()) await Promise.race([once(this.#news, 'acted'), this.#loops])
  }

  /** The same while most actions end a session, so that the fault hits requests that end sessions. */
  async acknowledgedInBurst(count: number): Promise<void> {
    this.#endProbability = BURST_END_PROBABILITY
    await this.acknowledged(count)
    this.#endProbability = USUAL_END_PROBABILITY
  }

  injected(): void {
    this.#injected += 1
  }

  /** Runs one user after another. A user interrupted by the end of a round continues in the next. */
  async #live(): Promise<void> {
    let person = this.#resting.pop()
    while (!this.#isStopping) {
      if (person === undefined || person.isOver) person = await this.#signUp()
      else await person.act(this.#endProbability)
      this.#news.emit('acted')
    }
    if (person !== undefined) this.#resting.push(person)
  }

  async #signUp(): Promise<CheckingUser | undefined> {
    const number = this.#signUps
    this.#signUps += 1
    const instances = this.#instancesOf(number)
    const random = seededRandom(this.random.seed + 1 + number)
    const person = await CheckingUser.signUp(instances, this.#record, random, (violation) => {
      this.#checkViolations.push(violation)
    })
    if (person === undefined) return undefined
    this.#everybody.push(person)
    this.#numbers.set(person, number)
    // The instances may have changed during the sign-up.
    person.moveTo(this.#instancesOf(number))
    return person
  }

  /** Lets all requests in flight finish. */
  async settle(): Promise<void> {
    this.#isStopping = true
    await this.#loops
    this.#loops = undefined
  }

  /** Ends a round. Users, the database and every verifier must agree with everything that was acknowledged. */
  async check(checked: Checked): Promise<void> {
    await this.settle()
    this.#rounds += 1
    const people = this.#everybody.filter((person) => !this.#settled.has(person))
    await this.#checkPeople(people, checked)
    for (const person of people) if (person.isOver) this.#settled.add(person)
  }

  /** Checks everything again, because a later fault may have undone something. */
  async finish(checked: Checked): Promise<void> {
    await this.settle()
    await this.#checkPeople(this.#everybody, checked)
    expect(this.#everybody.some(({ devices }) => devices.some(({ state }) => state === 'ended'))).toBe(true)
    await this.#checkReplays(checked)
  }

  /** A replay ends the session for good, so this check is the last. */
  async #checkReplays({ query, verifiers = [] }: Checked): Promise<void> {
    // The sessions of all other users may have ended.
    const newcomer = await this.#signUp()
    await newcomer?.checkContinues()
    const people = this.#everybody.filter(({ live }) => live !== undefined).slice(-USERS)
    expect(people).not.toEqual([])
    await inTurns(people, async ({ live }) => live?.checkReplayEndsIt())
    await Promise.all(verifiers.map(knowsAll))
    if (query !== undefined) await this.checkDatabase(query)
    for (const verifier of verifiers) await this.#checkVerifier(verifier, people)
    expect(this.violations).toEqual([])
  }

  async #checkPeople(people: readonly CheckingUser[], { query, verifiers = [] }: Checked): Promise<void> {
    await Promise.all([inTurns(people, (person) => person.checkContinues()), ...verifiers.map(knowsAll)])
    if (query !== undefined) await this.checkDatabase(query)
    for (const verifier of verifiers) await this.#checkVerifier(verifier, people)
    expect(this.violations).toEqual([])
  }

  async checkDatabase(query: Query): Promise<void> {
    const entries = this.#record.entries()
    this.#checkViolations.push(...findViolations(entries, await readRows(query, entries)))
    expect(this.violations).toEqual([])
  }

  async #checkVerifier(verifier: Verifier, people: readonly CheckingUser[]): Promise<void> {
    for (const device of people.flatMap(({ devices }) => devices)) {
      const verdict = await verdictOn(verifier.verify(device.accessToken))
      const { session, state, isWithdrawn } = device
      const isRefused = verdict.startsWith('session_ended') || (isWithdrawn && verdict === 'token_outdated')
      const isRight = state === 'ended' ? isRefused : verdict === ACCEPTED
      const kind = state === 'ended' ? 'lost' : 'false logout'
      if (!isRight)
        this.#checkViolations.push({ kind, what: `a verifier says ${verdict} of ${session}, ${state}` })
    }
  }

  get violations(): readonly Violation[] {
    return [...this.#everybody.flatMap(({ violations }) => violations), ...this.#checkViolations]
  }

  #report(): void {
    const { violations } = this
    reportFault({
      fault: this.#fault,
      rounds: this.#rounds,
      seed: this.random.seed,
      injected: this.#injected,
      acknowledged: this.#record.acknowledged,
      lost: violations.filter(({ kind }) => kind === 'lost').length,
      falseLogouts: violations.filter(({ kind }) => kind === 'false logout').length,
    })
  }
}

/** Waits until the verifier knows everything that was committed before this call. */
async function knowsAll(verifier: Verifier): Promise<void> {
  const begunAt = performance.now()
  await waitUntil(() => {
    const { fresh, stalenessMs } = verifier.health()
    return fresh && stalenessMs < performance.now() - begunAt
  })
}

/** Runs a few in parallel. More sign-ins than the service has slots would get a 503. */
async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all]
  const turn = async (): Promise<void> => {
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) await work(one)
  }
  await Promise.all(Array.from({ length: USERS }, turn))
}
