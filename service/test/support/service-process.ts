// The service as an operator starts it: a process of its own, known by what it prints, answers and exits with.
import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { TestClient } from './test-client.ts'

/** From its heading to the end of its example. */
const BANNER = /\n {2}chat-auth is ready\.\n[^]*?-d '.*'\n\n/

const presentMain = join(import.meta.dirname, '../../src/main.ts')

/** Neither the settings of whoever runs the tests nor a `.env` in the working directory reach the service. */
const commonSettings = {
  PATH: process.env['PATH'] ?? '',
  PORT: '0',
  HOST: '127.0.0.1',
  INTERNAL_PORT: '0',
  // Tests say who they are by X-Forwarded-For.
  TRUSTED_PROXIES: '127.0.0.1',
}

// Its input is a pipe from us: when we die, however we die, `read` returns.
const watchdogScript = 'read -r _; kill -KILL "$1" 2>/dev/null'

export interface Exit {
  /** Null when a signal ended the process. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class ServiceProcess {
  readonly exited: Promise<Exit>
  /** What it wrote to its standard output, a parsed line each. */
  readonly logs: Record<string, unknown>[] = []
  /** The lines among them that are none of the log. */
  readonly strayLines: string[] = []
  readonly #settings: Record<string, string>
  readonly #process: ChildProcess
  #words = ''
  readonly #news = new EventEmitter()

  /** Spawns it and waits for nothing. It does not outlive this process, whatever ends that. */
  constructor(settings: Record<string, string>, main = presentMain) {
    this.#settings = settings
    this.#process = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
      cwd: tmpdir(),
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

  /** What it wrote to its standard error, without the banner. */
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
    return keys?.split(',')[0] ?? readFileSync(join(folder, 'service-key'), 'utf8')
  }

  #port(pattern: RegExp): string {
    const port = pattern.exec(this.banner)?.[1]
    if (port === undefined) throw new Error(`the banner names no port:\n${this.banner}`)
    return port
  }

  /** Waits until it has said where it listens; rejects with its last words when it exits instead. */
  async ready(): Promise<this> {
    await this.#until(() => this.banner !== '')
    return this
  }

  /** Waits for a log line of that event. */
  async logged(event: string): Promise<Record<string, unknown>> {
    const find = () => this.logs.find((entry) => entry['event'] === event)
    await this.#until(() => find() !== undefined)
    return find() ?? {}
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await this.alive(once(this.#news, 'line'))
  }

  /** What `work` answers; rejects with the service's last words when it exits before. */
  alive<T>(work: Promise<T>): Promise<T> {
    const gone = this.exited.then(({ code, signal }): never => {
      throw new Error(`the service exited with ${code ?? signal ?? ''}:\n${this.complaints}`)
    })
    return Promise.race([work, gone])
  }

  /** A new client of the public port at an address of its own. */
  client(address?: string): TestClient {
    return new TestClient(this.url, address)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** kill -9. The process is gone on return. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.exited
  }

  /** SIGTERM; throws unless the service then exits as it should. */
  async stop(): Promise<void> {
    this.signal('SIGTERM')
    const { code, signal } = await this.exited
    if (code !== 0) throw new Error(`the service ended with ${code ?? signal ?? ''}:\n${this.complaints}`)
  }
}

export const startServiceProcess = (settings: Record<string, string>): Promise<ServiceProcess> =>
  new ServiceProcess(settings).ready()
