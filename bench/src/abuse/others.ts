// A process of ordinary users: each signs in once, at its moment, and buys the sign-in if it is asked to.
import { setTimeout as delay } from 'node:timers/promises'
import { solve } from '../../../service/test/support/solve-challenge.ts'
import { serveParent } from '../child.ts'
import { Connection } from '../http/connection.ts'
import type { Response } from '../http/response.ts'
import { moments } from '../storm/schedule.ts'
import { attacks, signInOfOther, type Users } from './attacks.ts'

interface Wanted {
  readonly name: string
  readonly round: number
  readonly users: Users
}

export interface SignIns {
  /** Milliseconds of each that succeeded, from when it was due. */
  readonly times: number[]
  /** Sign-ins for which the service asked a proof of work. */
  bought: number
  /** Responses by status to those that failed. */
  readonly refused: Record<number, number>
}

let urls: readonly string[] = []
let password = ''
let free: Connection[] = []

async function exchange(url: string, bytes: string): Promise<Response> {
  const connection =
    free.find(({ isOpen, url: other }) => isOpen && url === other) ?? (await Connection.open(url))
  free = free.filter((each) => each.isOpen && each !== connection)
  const response = await connection.exchange(bytes)
  free.push(connection)
  return response
}

type Challenged = { readonly challenge?: Parameters<typeof solve>[0] }

async function signIn({ name, round }: Wanted, user: number, signIns: SignIns): Promise<number> {
  const attack = attacks[name]
  if (attack === undefined) throw new Error(`There is no attack "${name}".`)
  const url = urls[user % urls.length] ?? ''
  const { status, body } = await exchange(url, signInOfOther(attack, round, user, password))
  const { challenge } = status === 429 ? (JSON.parse(body) as Challenged) : {}
  if (challenge === undefined) return status
  signIns.bought += 1
  const proof = { proof_of_work: await solve(challenge) }
  return (await exchange(url, signInOfOther(attack, round, user, password, proof))).status
}

const handlers = {
  arrive: (wanted: { urls: readonly string[]; password: string }): void => {
    urls = wanted.urls
    password = wanted.password
  },

  /** All of them, a few at a time: they are known at their places afterwards. */
  becomeKnown: async (wanted: Wanted): Promise<void> => {
    const { first, count } = wanted.users
    const signIns: SignIns = { times: [], bought: 0, refused: {} }
    for (let user = first; user < first + count; user += 1) {
      const status = await signIn(wanted, user, signIns)
      if (status !== 201) throw new Error(`The response to the first sign-in of a user was ${status}.`)
    }
  },

  /** Each of them once, so many a second. */
  signIn: async (wanted: Wanted & { readonly perSecond: number }): Promise<SignIns> => {
    const signIns: SignIns = { times: [], bought: 0, refused: {} }
    const { users, perSecond } = wanted
    const inFlight: Promise<void>[] = []
    let user = users.first
    for (const due of moments(perSecond, performance.now(), Infinity)) {
      if (user === users.first + users.count) break
      const early = due - performance.now()
      if (early > 0) await delay(early)
      inFlight.push(
        signIn(wanted, user++, signIns).then((status) => {
          if (status === 201) signIns.times.push(performance.now() - due)
          else signIns.refused[status] = (signIns.refused[status] ?? 0) + 1
        }),
      )
    }
    await Promise.all(inFlight)
    return signIns
  },
}

export type OthersProcess = typeof handlers

serveParent(handlers)
