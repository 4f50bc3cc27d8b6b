// The servers that are compared, each with its own database on one cluster, and the services that rely on two of them.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { startServiceProcess, type ServiceProcess } from '../../../service/test/support/service-process.ts'
import { Child } from '../child.ts'
import type { SecondService } from './second-service.ts'

/** The default hashing parameters of chat-auth. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 }
/** Its documentation's choice, and its default. */
export const CACHE_SECONDS = 300

interface Settings {
  /** Instead of its own scrypt. */
  readonly argon2?: typeof ARGON2
  /** A session and its user in one statement. */
  readonly joins?: boolean
  /** A session cookie is accepted without a look-up for this many seconds. */
  readonly cacheSeconds?: number
}

const PEERS = {
  'better-auth': {},
  'better-auth, tuned': { argon2: ARGON2, joins: true },
  'better-auth, cached': { argon2: ARGON2, joins: true, cacheSeconds: CACHE_SECONDS },
} as const satisfies Record<string, Settings>

export type ServerName = 'chat-auth' | keyof typeof PEERS

/** The checks of a service that verifies locally. */
export type Checks = Pick<SecondService, 'check' | 'accepts'>

type BetterAuth = Checks & {
  open: (wanted: { databaseUrl: string; secret: string; settings: Settings }) => Promise<string>
  shareSecret: (secret: string) => void
}

export interface Server {
  readonly name: ServerName
  readonly url: string
  readonly pid: number
  /** Without looking the session up. */
  readonly believesCookies: boolean
}

export interface Contenders {
  readonly servers: readonly Server[]
  readonly seconds: ReadonlyMap<ServerName, Child<Checks>>
  stop(): Promise<void>
}

const randomSecret = (): string => randomBytes(32).toString('base64url')

async function createDatabases(clusterUrl: string, names: readonly string[]): Promise<string[]> {
  const client = new pg.Client(clusterUrl)
  await client.connect()
  try {
    for (const name of names) await client.query(`create database ${name}`)
  } finally {
    await client.end()
  }
  return names.map((name) => new URL(name, clusterUrl).href)
}

const betterAuthProcess = (): Child<BetterAuth> =>
  new Child<BetterAuth>(new URL('../../peers/better-auth.js', import.meta.url))

class Running implements Contenders {
  readonly servers: Server[] = []
  readonly seconds = new Map<ServerName, Child<Checks>>()
  readonly #children: { stop(): Promise<void> }[] = []
  #service: ServiceProcess | undefined

  async addChatAuth(databaseUrl: string): Promise<void> {
    const service = await startServiceProcess({
      DATABASE_URL: databaseUrl,
      AUTH_SECRET: randomSecret(),
      SERVICE_KEYS: `bench:verify:${randomSecret()}`,
      // As much as the peer says by default.
      NODE_ENV: 'production',
      LOG_LEVEL: 'warn',
    })
    this.#service = service
    const { url, pid } = service
    this.servers.push({ name: 'chat-auth', url, pid, believesCookies: false })
    const second = new Child<SecondService>(new URL('second-service.ts', import.meta.url))
    this.#children.push(second)
    this.seconds.set('chat-auth', second)
    await second.ask('follow', { url: service.internalUrl, serviceKey: service.serviceKey })
  }

  async addBetterAuth(name: keyof typeof PEERS, databaseUrl: string): Promise<void> {
    const server = betterAuthProcess()
    this.#children.push(server)
    const settings: Settings = PEERS[name]
    const secret = randomSecret()
    const url = await server.ask('open', { databaseUrl, secret, settings })
    const believesCookies = settings.cacheSeconds !== undefined
    this.servers.push({ name, url, pid: server.pid, believesCookies })
    if (!believesCookies) return
    const second = betterAuthProcess()
    this.#children.push(second)
    this.seconds.set(name, second)
    await second.ask('shareSecret', secret)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#children.map((child) => child.stop()), this.#service?.kill()])
  }
}

/** Every started process ends with this one, or when it is stopped. */
export async function startContenders(clusterUrl: string): Promise<Contenders> {
  const [own = '', ...others] = await createDatabases(clusterUrl, ['own', 'plain', 'tuned', 'cached'])
  const running = new Running()
  try {
    await running.addChatAuth(own)
    for (const [index, name] of (Object.keys(PEERS) as (keyof typeof PEERS)[]).entries())
      await running.addBetterAuth(name, others[index] ?? '')
    return running
  } catch (error) {
    await running.stop()
    throw error
  }
}
