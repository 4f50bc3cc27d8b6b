// A crowd of honest people while something fails, the record of what they were told, and the check of all of it.
import { EventEmitter, once } from 'node:events'
import { expect, onTestFailed, onTestFinished } from 'vitest'
import type { Verifier } from '../../../verifier/src/index.ts'
import { ACCEPTED, verdictOn, waitUntil } from '../../../verifier/test/end-to-end/connected.ts'
import { AcknowledgedRecord } from './acknowledged-record.ts'
import { reportFault } from './fault-report.ts'
import { HonestPerson, rotated, type Instance } from './honest-person.ts'
import type { Wrong } from './honest-client.ts'
import { contradictions, readRows, type Query } from './record-checker.ts'
import { seededRandom } from './seeded-random.ts'

const PEOPLE = 6
/** How often what somebody does is to end something: as usual, and when everybody does. */
const USUAL = 0.04
const RUSH = 0.9

interface Checked {
  /** Undefined where only the service itself can reach the database: see `checkDatabase`. */
  readonly query?: Query
  /** Verifiers of instances that are well; the old ones among them have lived through the fault. */
  readonly verifiers?: readonly Verifier[]
}

/** `fault`: the row in the table of faults. It reports itself at the end of the test, however that ends. */
export class FaultTrial {
  /** The schedule's. Everybody has their own, so that what they do is no part of it. */
  readonly random = seededRandom()
  readonly #fault: string
  readonly #record = new AcknowledgedRecord()
  readonly #everybody: HonestPerson[] = []
  /** Of each, and of those who were not acknowledged. */
  readonly #numbers = new Map<HonestPerson, number>()
  #signUps = 0
  readonly #checkWrongs: Wrong[] = []
  #instances: readonly Instance[] = []
  /** Who was over at the last check is not asked again before the last one. */
  #settled = new Set<HonestPerson>()
  #rounds = 0
  #injected = 0
  readonly #news = new EventEmitter()
  /** Who was in the middle of their life when the last round ended. */
  readonly #resting: HonestPerson[] = []
  #loops: Promise<unknown> | undefined
  #isStopping = false
  #endProbability = USUAL

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

  /** People take turns at where they begin: each instance serves some of them. */
  #instancesOf(number: number): readonly Instance[] {
    return rotated(this.#instances, number)
  }

  /** Waits for so many more acknowledgements, of everybody at once. */
  async acknowledged(count: number): Promise<void> {
    const wanted = this.#record.acknowledged + count
    this.#isStopping = false
    this.#loops ??= Promise.all(Array.from({ length: PEOPLE }, () => this.#live()))
    // A function, since the compiler does not see that settle() may come between.
    const isWaiting = (): boolean => !this.#isStopping && this.#record.acknowledged < wanted
    while (isWaiting()) await Promise.race([once(this.#news, 'acted'), this.#loops])
  }

  /** The same while nearly everybody ends something, so that a fault that comes now meets ends at work. */
  async acknowledgedInRush(count: number): Promise<void> {
    this.#endProbability = RUSH
    await this.acknowledged(count)
    this.#endProbability = USUAL
  }

  injected(): void {
    this.#injected += 1
  }

  /** One life after the other; one that a round interrupts goes on in the next. */
  async #live(): Promise<void> {
    let person = this.#resting.pop()
    while (!this.#isStopping) {
      if (person === undefined || person.isOver) person = await this.#signUp()
      else await person.act(this.#endProbability)
      this.#news.emit('acted')
    }
    if (person !== undefined) this.#resting.push(person)
  }

  async #signUp(): Promise<HonestPerson | undefined> {
    const number = this.#signUps
    this.#signUps += 1
    const instances = this.#instancesOf(number)
    const random = seededRandom(this.random.seed + 1 + number)
    const person = await HonestPerson.signUp(instances, this.#record, random, (wrong) => {
      this.#checkWrongs.push(wrong)
    })
    if (person === undefined) return undefined
    this.#everybody.push(person)
    this.#numbers.set(person, number)
    // The instances may be others by now.
    person.moveTo(this.#instancesOf(number))
    return person
  }

  /** Everybody finishes what they are at. */
  async settle(): Promise<void> {
    this.#isStopping = true
    await this.#loops
    this.#loops = undefined
  }

  /** Ends a round. Everything must be as it was acknowledged: to the people, in the database, and at every verifier. */
  async check(checked: Checked): Promise<void> {
    await this.settle()
    this.#rounds += 1
    const people = this.#everybody.filter((person) => !this.#settled.has(person))
    await this.#checkPeople(people, checked)
    for (const person of people) if (person.isOver) this.#settled.add(person)
  }

  /** All of it once more, for what a later fault may have undone. */
  async finish(checked: Checked): Promise<void> {
    await this.settle()
    await this.#checkPeople(this.#everybody, checked)
    expect(this.#everybody.some(({ devices }) => devices.some(({ state }) => state === 'ended'))).toBe(true)
    await this.#checkReplays(checked)
  }

  /** What is over afterwards is over for good, so this comes last. */
  async #checkReplays({ query, verifiers = [] }: Checked): Promise<void> {
    // All others may be over.
    const newcomer = await this.#signUp()
    await newcomer?.goesOn()
    const people = this.#everybody.filter(({ live }) => live !== undefined).slice(-PEOPLE)
    expect(people).not.toEqual([])
    await inTurns(people, async ({ live }) => live?.isEndedByReplay())
    await Promise.all(verifiers.map(knowsAll))
    if (query !== undefined) await this.checkDatabase(query)
    for (const verifier of verifiers) await this.#checkVerifier(verifier, people)
    expect(this.wrongs).toEqual([])
  }

  async #checkPeople(people: readonly HonestPerson[], { query, verifiers = [] }: Checked): Promise<void> {
    await Promise.all([inTurns(people, (person) => person.goesOn()), ...verifiers.map(knowsAll)])
    if (query !== undefined) await this.checkDatabase(query)
    for (const verifier of verifiers) await this.#checkVerifier(verifier, people)
    expect(this.wrongs).toEqual([])
  }

  async checkDatabase(query: Query): Promise<void> {
    const entries = this.#record.entries()
    this.#checkWrongs.push(...contradictions(entries, await readRows(query, entries)))
    expect(this.wrongs).toEqual([])
  }

  async #checkVerifier(verifier: Verifier, people: readonly HonestPerson[]): Promise<void> {
    for (const { session, state, accessToken } of people.flatMap(({ devices }) => devices)) {
      const verdict = await verdictOn(verifier.verify(accessToken))
      const isRight = state === 'ended' ? verdict.startsWith('session_ended') : verdict === ACCEPTED
      const kind = state === 'ended' ? 'lost' : 'false logout'
      if (!isRight)
        this.#checkWrongs.push({ kind, what: `a verifier says ${verdict} of ${session}, ${state}` })
    }
  }

  get wrongs(): readonly Wrong[] {
    return [...this.#everybody.flatMap(({ wrongs }) => wrongs), ...this.#checkWrongs]
  }

  #report(): void {
    const { wrongs } = this
    reportFault({
      fault: this.#fault,
      rounds: this.#rounds,
      seed: this.random.seed,
      injected: this.#injected,
      acknowledged: this.#record.acknowledged,
      lost: wrongs.filter(({ kind }) => kind === 'lost').length,
      falseLogouts: wrongs.filter(({ kind }) => kind === 'false logout').length,
    })
  }
}

/** Until it knows of everything that was committed before. */
async function knowsAll(verifier: Verifier): Promise<void> {
  const begunAt = performance.now()
  await waitUntil(() => {
    const { fresh, stalenessMs } = verifier.health()
    return fresh && stalenessMs < performance.now() - begunAt
  })
}

/** A few at once: sign-ins beyond the service's slots would be put off. */
async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all]
  const turn = async (): Promise<void> => {
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) await work(one)
  }
  await Promise.all(Array.from({ length: PEOPLE }, turn))
}
