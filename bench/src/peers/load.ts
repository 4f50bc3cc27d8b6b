// A process that signs users in and out, the same users in the same way at every contender.
import { randomBytes } from 'node:crypto'
import { serveParent } from '../child.ts'
import { betterAuth, chatAuth, type Dialect, type BenchUser } from './dialects.ts'
import { Connection } from '../http/connection.ts'
import type { Response } from '../http/response.ts'

const AT_ONCE = 16

interface Session {
  readonly person: BenchUser
  readonly credential: string
}

interface Server {
  readonly url: string
  readonly dialect: Dialect
  readonly people: readonly BenchUser[]
  readonly live: Session[]
  readonly ended: Session[]
}

export interface Work {
  readonly server: string
  readonly count: number
  readonly atOnce: number
}

export interface Take {
  readonly wallMs: number
  /** Of each request, in milliseconds. */
  readonly latencies: readonly number[]
}

const servers = new Map<string, Server>()

const serverOf = (name: string): Server => {
  const server = servers.get(name)
  if (server === undefined) throw new Error(`There is no server ${name}.`)
  return server
}

const pick = <T>(from: readonly T[], index: number): T => {
  const picked = from[index % from.length]
  if (picked === undefined) throw new Error('There is nothing to pick from.')
  return picked
}

const wrong = (what: string, { head, body }: Response): Error =>
  new Error(`${what} got an unexpected response:\n${head}\n${body}`)

const newPerson = (_: unknown, index: number): BenchUser => ({
  name: `person.${index}`,
  email: `person.${index}@example.org`,
  password: randomBytes(12).toString('base64url'),
  address: `198.18.${index >> 8}.${index & 255}`,
})

/** Sends this many requests. Each connection sends its next request as soon as it has a response. */
async function drive(
  url: string,
  { count, atOnce }: { count: number; atOnce: number },
  request: (index: number) => string,
  take: (response: Response, index: number) => void,
): Promise<Take> {
  const connections = await Promise.all(Array.from({ length: atOnce }, () => Connection.open(url)))
  const latencies: number[] = []
  let next = 0
  const startedAt = performance.now()
  const work = async (connection: Connection): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const sentAt = performance.now()
      const response = await connection.exchange(request(index))
      latencies.push(performance.now() - sentAt)
      take(response, index)
    }
  }
  try {
    await Promise.all(connections.map(work))
    return { wallMs: performance.now() - startedAt, latencies }
  } finally {
    for (const connection of connections) connection.close()
  }
}

const handlers = {
  open: async ({ server: name, url, people: count }: { server: string; url: string; people: number }) => {
    const dialect = name === 'chat-auth' ? chatAuth : betterAuth(url)
    const people = Array.from({ length: count }, newPerson)
    servers.set(name, { url, dialect, people, live: [], ended: [] })
    const signUp = (index: number): string => dialect.signUp(pick(people, index))
    await drive(url, { count, atOnce: 4 }, signUp, (response, index) => {
      if (!dialect.isSignedUp(response, pick(people, index))) throw wrong('Signing up', response)
    })
  },

  signIn: ({ server, ...how }: Work): Promise<Take> => {
    const { url, dialect, people, live } = serverOf(server)
    const personAt = (index: number): BenchUser => pick(people, index)
    const signIn = (index: number): string => dialect.signIn(personAt(index))
    return drive(url, how, signIn, (response, index) => {
      const person = personAt(index)
      const credential = dialect.credential(response, person)
      if (credential === undefined) throw wrong('Signing in', response)
      live.push({ person, credential })
    })
  },

  whoIsThis: ({ server, ...how }: Work): Promise<Take> => {
    const { url, dialect, live } = serverOf(server)
    const ask = (index: number): string => dialect.whoIsThis(pick(live, index).credential)
    return drive(url, how, ask, (response, index) => {
      if (!dialect.names(response, pick(live, index).person)) throw wrong('Who am I', response)
    })
  },

  signOut: ({ server, ...how }: Work): Promise<Take> => {
    const { url, dialect, live, ended } = serverOf(server)
    const leaving = live.splice(0, how.count)
    ended.push(...leaving)
    const signOut = (index: number): string => dialect.signOut(pick(leaving, index).credential)
    return drive(url, how, signOut, (response) => {
      if (!dialect.isSignedOut(response)) throw wrong('Signing out', response)
    })
  },

  credentials: (server: string): string[] => serverOf(server).live.map(({ credential }) => credential),

  /** How many sessions that ended since the last call the server still accepts. */
  acceptedAfterEnd: async (server: string): Promise<number> => {
    const { url, dialect, ended } = serverOf(server)
    const gone = ended.splice(0)
    let accepted = 0
    const ask = (index: number): string => dialect.whoIsThis(pick(gone, index).credential)
    await drive(url, { count: gone.length, atOnce: AT_ONCE }, ask, (response, index) => {
      if (dialect.isNobody(response)) return
      if (!dialect.names(response, pick(gone, index).person))
        throw wrong('Who am I, after signing out', response)
      accepted += 1
    })
    return accepted
  },
}

export type Load = typeof handlers

serveParent(handlers)
