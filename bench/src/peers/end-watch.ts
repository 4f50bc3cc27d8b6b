import { setTimeout as delay } from 'node:timers/promises'
import type { Child } from '../child.ts'
import type { Checks, Server } from './contenders.ts'
import type { Load } from './load.ts'

/** For how long another service is polled to see whether it still accepts an ended session. */
const WATCHED_MS = 500
const PAUSE_MS = 1

/** Sessions that are still accepted after they ended. */
export interface AfterEnd {
  /** Sessions that ended. */
  ended: number
  /** How many of these the server itself still accepts. */
  acceptedByServer: number
  /** Of the last one in each round, until another service refuses it; undefined while it is accepted. */
  readonly refusedElsewhereMs: (number | undefined)[]
  /** For the first session of all: the time from its end to the last check that another service accepted. */
  acceptedElsewhereSeconds: number
}

export class EndWatch {
  readonly seen: AfterEnd = {
    ended: 0,
    acceptedByServer: 0,
    acceptedElsewhereSeconds: 0,
    refusedElsewhereMs: [],
  }
  readonly #server: Server
  readonly #second: Child<Checks> | undefined
  #leaving: readonly string[] = []
  #first: { credential: string; endedAt: number } | undefined

  constructor(server: Server, second: Child<Checks> | undefined) {
    this.#server = server
    this.#second = second
  }

  /** Before the sessions of a round end. */
  async choose(load: Child<Load>): Promise<void> {
    this.#leaving = await load.ask('credentials', this.#server.name)
  }

  /** Right after the last of them has. */
  async look(load: Child<Load>): Promise<void> {
    if (this.#second !== undefined) await this.#lookElsewhere(this.#second)
    this.seen.ended += this.#leaving.length
    const { name, believesCookies } = this.#server
    const accepted = await load.ask('acceptedAfterEnd', name)
    if (accepted > 0 && !believesCookies) throw new Error(`${name} accepts sessions that have ended.`)
    this.seen.acceptedByServer += accepted
  }

  async #lookElsewhere(second: Child<Checks>): Promise<void> {
    const credential = this.#leaving.at(-1) ?? ''
    const endedAt = performance.now()
    this.#first ??= { credential, endedAt }
    this.seen.refusedElsewhereMs.push(await untilRefused(second, credential))
    if (await second.ask('accepts', this.#first.credential))
      this.seen.acceptedElsewhereSeconds = (performance.now() - this.#first.endedAt) / 1_000
  }
}

async function untilRefused(second: Child<Checks>, credential: string): Promise<number | undefined> {
  const startedAt = performance.now()
  for (;;) {
    const isAccepted = await second.ask('accepts', credential)
    const elapsed = performance.now() - startedAt
    if (!isAccepted) return elapsed
    if (elapsed > WATCHED_MS) return undefined
    await delay(PAUSE_MS)
  }
}
