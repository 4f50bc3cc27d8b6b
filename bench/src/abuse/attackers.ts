// A process of clients that repeat the requests of an attack, whatever the responses are.
import { setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { serveParent } from '../child.ts'
import { Connection } from '../http/connection.ts'
import { attacks, type Moment } from './attacks.ts'

// It stands for clients on other machines. Their work is not the service's, so it runs at the lowest priority.
setPriority(0, 19)

const CONNECTIONS = 80
/** Before the next request of a connection. Without it, the attackers would take the cores of the service. */
const PAUSE_MS = 100

interface Wanted extends Moment {
  readonly name: string
  readonly urls: readonly string[]
}

/** Responses by status. */
export type Responses = Record<number, number>

let isOver = true
let responses: Responses = {}
let next = 0
let attack: Promise<unknown> = Promise.resolve()

async function repeat(url: string, { name, ...moment }: Wanted): Promise<void> {
  const requestOf = attacks[name]?.request
  if (requestOf === undefined) throw new Error(`There is no attack "${name}".`)
  let connection = await Connection.open(url)
  while (!isOver) {
    // The service may close a connection after a refusal.
    if (!connection.isOpen) connection = await Connection.open(url)
    const { status } = await connection.exchange(requestOf(moment, (next += 1)))
    responses[status] = (responses[status] ?? 0) + 1
    await delay(PAUSE_MS)
  }
  connection.close()
}

const handlers = {
  begin: (wanted: Wanted): void => {
    isOver = false
    responses = {}
    const { urls } = wanted
    attack = Promise.all(
      Array.from({ length: CONNECTIONS }, (_, index) => repeat(urls[index % urls.length] ?? '', wanted)),
    )
    // The caller that awaits it sees a failure; until then it must not count as unhandled.
    attack.catch(() => undefined)
  },

  /** Ends the attack and returns how it was responded to. */
  end: async (): Promise<Responses> => {
    isOver = true
    await attack
    return responses
  },
}

export type AttackersProcess = typeof handlers

serveParent(handlers)
