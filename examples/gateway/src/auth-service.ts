import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const main = join(import.meta.dirname, '../../../service/src/main.ts')

export interface AuthService {
  /** The public address, for browsers. */
  readonly url: string
  readonly internalUrl: string
  /** For the gateway's verifier. It cannot change anything. */
  readonly verifierKey: string
  /** The file with the key for operators. */
  readonly operatorKeyPath: string
  readonly issuer: string
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

interface AuthServiceOptions {
  /** Absolute: the embedded database and the service keys live in it. */
  readonly dataDir: string
  readonly port: number
  readonly internalPort: number
  /** Of the pages that may call it. */
  readonly origins: readonly string[]
  /** Durations as in `10m`; the service's own default if left out. */
  readonly accessTokenTtl?: string | undefined
}

/** Starts chat-auth as a process of its own on the embedded database; throws an `Error` with its last words. */
export async function startAuthService(options: AuthServiceOptions): Promise<AuthService> {
  const { dataDir, port, internalPort, origins, accessTokenTtl } = options
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const issuer = `http://localhost:${port}`
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
    // Neither the settings of this shell nor a `.env` of another installation reach it.
    cwd: dataDir,
    env: {
      PATH: process.env['PATH'],
      DATA_DIR: dataDir,
      HOST: '127.0.0.1',
      PORT: String(port),
      INTERNAL_PORT: String(internalPort),
      PUBLIC_URL: issuer,
      CORS_ORIGINS: origins.join(','),
      LOG_LEVEL: 'warn',
      ...(accessTokenTtl !== undefined && { ACCESS_TOKEN_TTL: accessTokenTtl }),
    },
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  const ended = once(child, 'exit').then(() => undefined)
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  // If this process is killed, chat-auth must not outlive it.
  process.once('exit', () => child.kill())

  const banner = await bannerOf(child.stderr, once(child, 'close'))
  child.stderr.pipe(process.stderr)
  return {
    url: addressIn(banner, /API +(http:\/\/\S+)\/v1/),
    internalUrl: addressIn(banner, /Internal +(http:\/\/\S+)/),
    verifierKey: readFileSync(join(dataDir, 'verifier-key'), 'utf8'),
    operatorKeyPath: join(dataDir, 'service-key'),
    issuer,
    ended,
    stop,
  }
}

/** The service says where it listens once it is ready, and why not when it gives up. */
async function bannerOf(stderr: NodeJS.ReadableStream, closed: Promise<unknown>): Promise<string> {
  let words = ''
  const ready = new Promise<true>((resolve) => {
    const read = (chunk: Buffer): void => {
      words += chunk.toString()
      if (!/\n {2}Try it:\n[^]*'\n\n/.test(words)) return
      stderr.off('data', read)
      resolve(true)
    }
    stderr.on('data', read)
  })
  if ((await Promise.race([ready, closed])) === true) return words
  throw new Error(`chat-auth did not start.\n${words.trim()}`)
}

function addressIn(banner: string, pattern: RegExp): string {
  const address = pattern.exec(banner)?.[1]
  if (address === undefined)
    throw new Error(`chat-auth said something else than where it listens:\n${banner}`)
  return address
}
