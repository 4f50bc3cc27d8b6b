// One client, one request at a time, guesses at users of every kind in turns.
import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { startServiceProcess } from '../../../service/test/support/service-process.ts'
import { TestClient } from '../../../service/test/support/test-client.ts'
import { Connection } from '../http/connection.ts'
import { request } from '../http/request.ts'
import type { Response } from '../http/response.ts'
import { settingsOn } from '../private-database.ts'
import { SAMPLES, states, type Guess, type Question, type State } from './states.ts'
import { addUsersOfEveryKind, kinds } from './users.ts'

/** The wait that the service asks for before samples are taken. It is longer than they take. */
const LONG_WAIT_SECONDS = 30
/** Of each kind in a state: more than the samples, since a wait may end in between. */
const MOST_GUESSES = 2 * SAMPLES

export interface OfKind {
  /** Milliseconds of each response that counts. */
  readonly times: number[]
  /** All that may be seen of them, without what is random or counts down. */
  readonly seen: Set<string>
}

export interface Measured {
  readonly state: string
  /** The promise that the samples test. */
  readonly promise: string
  readonly kinds: Readonly<Record<string, OfKind>>
}

type NamedKind = readonly [name: string, emailOf: (number: number) => string]

const allKinds: readonly NamedKind[] = Object.entries(kinds)

/** Stops the service it started, whether it succeeds or fails. */
export async function measure(databaseUrl: string, note: (progress: string) => void): Promise<Measured[]> {
  const service = await startServiceProcess({ ...settingsOn(databaseUrl), ...unreachableMail })
  try {
    const { email } = await new TestClient(service.url).register()
    await addUsersOfEveryKind(databaseUrl, email)
    const measured: Measured[] = []
    for (const state of states) {
      note(state.name)
      await reach(service.url, state)
      measured.push(await takeSamples(service.url, state))
    }
    return measured
  } finally {
    await service.kill()
  }
}

/** Resets need mail. Nobody reads it. */
const unreachableMail = { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'auth@example.org' }

function guess(
  connection: Connection,
  { line, body }: Question,
  [, emailOf]: NamedKind,
  { number, address }: Guess,
): Promise<Response> {
  const text = JSON.stringify(body(emailOf(number)))
  return connection.exchange(request(line, [`x-forwarded-for: ${address}`], text))
}

/** Every user and every place at the same time: each wait takes as long as it takes. */
async function reach(url: string, { before, question }: State): Promise<void> {
  if (before === undefined) return
  const spend = async (kind: NamedKind, position: number, number: number): Promise<void> => {
    let connection = await Connection.open(url)
    for (let index = 0; ; index += 1) {
      if (!connection.isOpen) connection = await Connection.open(url)
      const { status, head } = await guess(connection, question, kind, before.guess(position, number, index))
      if (status === 401) continue
      const seconds = Number(/\r\nretry-after: (\d+)/i.exec(head)?.[1])
      if (status === 429 && seconds >= LONG_WAIT_SECONDS) break
      await delay(1_000 * seconds)
    }
    connection.close()
  }
  await Promise.all(
    allKinds.flatMap((kind, position) =>
      Array.from({ length: before.users }, (_, number) => spend(kind, position, number)),
    ),
  )
}

async function takeSamples(url: string, { name, question, status, sample }: State): Promise<Measured> {
  const connection = await Connection.open(url)
  const results = allKinds.map((): OfKind => ({ times: [], seen: new Set() }))
  for (let index = 0; index < MOST_GUESSES; index += 1) {
    // In a new order each time, so that no kind always follows the same other one.
    for (const position of shuffled(allKinds.length)) {
      const [kind, result] = [allKinds[position], results[position]]
      if (kind === undefined || result === undefined || result.times.length === SAMPLES) continue
      const sentAt = performance.now()
      const response = await guess(connection, question, kind, sample(position, index))
      if (response.status !== status) continue
      result.times.push(performance.now() - sentAt)
      result.seen.add(withoutChance(response))
    }
  }
  connection.close()
  const named = allKinds.map(([kind], position) => [kind, results[position]] as const)
  return {
    state: name,
    promise: question.promise,
    kinds: Object.fromEntries(named) as Record<string, OfKind>,
  }
}

function shuffled(length: number): number[] {
  const numbers = Array.from({ length }, (_, index) => index)
  for (let last = length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1)
    ;[numbers[last], numbers[other]] = [numbers[other] ?? 0, numbers[last] ?? 0]
  }
  return numbers
}

/** Numbers count down, and the rest of what is left out is random: ids, nonces, and their signatures. */
function withoutChance({ status, head, body }: Response): string {
  const fields = head.split('\r\n').map((field) => field.slice(0, field.indexOf(':')))
  const { challenge, request_id, ...problem } = JSON.parse(body || '{}') as Record<string, unknown>
  const shown = { status, fields, problem, has: [typeof challenge, typeof request_id] }
  return JSON.stringify(shown).replaceAll(/\d+/g, 'N')
}
