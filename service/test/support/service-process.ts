// Runs the service in its own process, as an operator does. Tests see only its output, its responses and its exit code.
import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { TestClient } from './test-client.ts'
import { firstSecret } from './service-keys.ts'

/** The banner, from its heading to the end of its example. */
const BANNER = /\n {2}chat-auth is ready\.\n[^]*?-d '.*'\n\n/

const presentMain = join(import.meta.dirname, '../../src/main.ts')

/** The service inherits neither the environment of the test run nor a `.env` in the working directory. */
const commonSettings = {
  PATH: process.env['PATH'] ?? '',
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
  PORT: '0',
  HOST: '127.0.0.1',
  INTERNAL_PORT: '0',
  // Tests set their client address with X-Forwarded-For.
  TRUSTED_PROXIES: '127.0.0.1',
}

// Its input is a pipe from this process: `read` returns when this process ends for any reason.
const watchdogScript = 'read -r _; kill -KILL "$1" 2>/dev/null'

export interface Exit {
  /** Null if a signal ended the process. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** How a test may run it differently. */
interface How {
  readonly args?: readonly string[]
  readonly cwd?: string
  readonly uid?: number
  readonly gid?: number
}

export class ServiceProcess {
  readonly exited: Promise<Exit>
  /** The parsed log lines of its standard output. */
  readonly logs: Record<string, unknown>[] = []
  /** The lines of its standard output that are not log lines. */
  readonly strayLines: string[] = []
  readonly #settings: Record<string, string>
  readonly #process: ChildProcess
  #words = ''
  readonly #news = new EventEmitter()

  /** Spawns the service without waiting for it. It ends with this process, even after SIGKILL. */
  constructor(settings: Record<string, string>, main = presentMain, { args = [], ...how }: How = {}) {
    this.#settings = settings
    this.#process = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
      cwd: tmpdir(),
      ...how,
      env: { ...commonSettings, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const watchdog = spawn('sh', ['-c', watchdogScript, 'watchdog', String(this.pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    this.exited = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => {
        watchdog.kill('SIGKILL')
        resolve({ code, signal })
      })
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#words += text
      this.#news.emit('line')
    })
    this.#process.stdout?.setEncoding('utf8')
    if (this.#process.stdout !== null) {
      createInterface({ input: this.#process.stdout }).on('line', (line) => this.#note(line))
    }
  }

  #note(line: string): void {
    if (line.startsWith('{')) this.logs.push(JSON.parse(line) as Record<string, unknown>)
    else this.strayLines.push(line)
    this.#news.emit('line')
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Its standard error without the banner. */
  get complaints(): string {
    return this.#words.replace(BANNER, '')
  }

  get banner(): string {
    return BANNER.exec(this.#words)?.[0] ?? ''
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port(/API +http:\/\/localhost:(\d+)\/v1/)}`
  }

  get internalUrl(): string {
    return `http://127.0.0.1:${this.#port(/Internal +http:\/\/127\.0\.0\.1:(\d+)/)}`
  }

  get serviceKey(): string {
    const { SERVICE_KEYS: keys, DATA_DIR: folder = '' } = this.#settings
    return (keys && firstSecret(keys)) ?? readFileSync(join(folder, 'service-key'), 'utf8')
  }

  #port(pattern: RegExp): string {
    const port = pattern.exec(this.banner)?.[1]
    if (port === undefined) throw new Error(`the banner names no port:\n${this.banner}`)
    return port
  }

  /** Waits for the banner. Rejects with the standard error if the service exits first. */
  async ready(): Promise<this> {
    await this.#until(() => this.banner !== '')
    return this
  }

  /** Waits for a log line with this event. */
  async logged(event: string): Promise<Record<string, unknown>> {
    const find = () => this.logs.find((entry) => entry['event'] === event)
    await this.#until(() => find() !== undefined)
    return find() ?? {}
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await this.alive(once(this.#news, 'line'))
  }

  /** Waits for `work`. Rejects with the standard error if the service exits first. */
  alive<T>(work: Promise<T>): Promise<T> {
    const gone = this.exited.then(({ code, signal }): never => {
      throw new Error(`the service exited with ${code ?? signal ?? ''}:\n${this.complaints}`)
    })
    return Promise.race([work, gone])
  }

  /** A new client of the public port with its own address. */
  client(address?: string): TestClient {
    return new TestClient(this.url, address)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Sends SIGKILL and waits until the process has exited. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.exited
  }

  /** Sends SIGTERM and waits. Throws unless the service exits with 0. */
  async stop(): Promise<void> {
    this.signal('SIGTERM')
    const { code, signal } = await this.exited
    if (code !== 0) throw new Error(`the service ended with ${code ?? signal ?? ''}:\n${this.complaints}`)
  }
}

export const startServiceProcess = (settings: Record<string, string>): Promise<ServiceProcess> =>
  new ServiceProcess(settings).ready()
