// The demo as a user starts it: a process of its own, known by its output.
import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const main = join(import.meta.dirname, '../../src/demo.ts')

// Its input is a pipe from us: when we die, however we die, `read` returns. The demo leads a process group of its own.
const watchdogScript = 'read -r _; kill -KILL -- "-$1" 2>/dev/null'

export class DemoProcess {
  /** The exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'chat-auth-demo-'))
  readonly #process: ChildProcess
  readonly #news = new EventEmitter()
  #output = ''

  /** On ports of the system's choice, with a folder of its own. */
  constructor(settings: Record<string, string> = {}) {
    this.#process = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
      cwd: this.#dataDir,
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        INTERNAL_PORT: '0',
        GATEWAY_PORT: '0',
        DEMO_DATA_DIR: this.#dataDir,
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const watchdog = spawn('sh', ['-c', watchdogScript, 'watchdog', String(this.#process.pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    this.exited = once(this.#process, 'close').then(([code]) => {
      watchdog.kill('SIGKILL')
      rmSync(this.#dataDir, { recursive: true, force: true })
      return code as number | null
    })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString()
        this.#news.emit('words')
      })
    }
  }

  /** All it printed. */
  get words(): string {
    return this.#output
  }

  get url(): string {
    return this.#find(/The demo is ready: (\S+)/)
  }

  get authUrl(): string {
    return this.#find(/The API of chat-auth is at (\S+)\/v1/)
  }

  #find(pattern: RegExp): string {
    const found = pattern.exec(this.#output)?.[1]
    if (found === undefined) throw new Error(`the demo did not print ${pattern.source}:\n${this.#output}`)
    return found
  }

  /** Waits until it says what to try; rejects with its last words when it exits instead. */
  async ready(): Promise<this> {
    const gone = this.exited.then((code): never => {
      throw new Error(`the demo exited with ${code ?? 'a signal'}:\n${this.#output}`)
    })
    while (!this.#output.includes('Ctrl-C stops everything')) {
      await Promise.race([once(this.#news, 'words'), gone])
    }
    gone.catch(() => undefined)
    return this
  }

  /** As an operator would, with the command the demo prints. */
  async ban(userId: number): Promise<void> {
    const internalUrl = this.#find(/curl -X POST (\S+)\/v1\/users/)
    const response = await fetch(`${internalUrl}/v1/users/${userId}/disable`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${readFileSync(join(this.#dataDir, 'service-key'), 'utf8')}`,
        'content-type': 'application/json',
      },
      body: '{"reason":"demo"}',
    })
    if (response.status !== 204) throw new Error(`the response to the ban was ${response.status}`)
  }

  /** Of chat-auth, which notes it in its data folder. */
  get authPid(): number {
    return (JSON.parse(readFileSync(join(this.#dataDir, 'holder.json'), 'utf8')) as { pid: number }).pid
  }

  /** Like Ctrl-C in a terminal: the signal reaches the demo and chat-auth. */
  pressCtrlC(): void {
    process.kill(-(this.#process.pid ?? 0), 'SIGINT')
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    await this.exited
  }
}
