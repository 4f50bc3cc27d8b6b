// Starts a private Prometheus on a free port and a temporary folder. It ends with this process, even after SIGKILL.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { requirePrometheus } from '../../../scripts/prometheus/find-prometheus.ts'

// Its input is a pipe from this process: `read` returns when this process ends for any reason.
const watchdogScript = 'read -r _; kill -KILL "$1" 2>/dev/null; exec rm -rf "$2"'

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  /** The time, and the value as text. */
  readonly value: readonly [number, string]
}

export class PrivatePrometheus {
  readonly version: string
  readonly #url: string
  readonly #stop: () => Promise<void>

  private constructor(version: string, url: string, stop: () => Promise<void>) {
    this.version = version
    this.#url = url
    this.#stop = stop
  }

  /** Starts it with this configuration. It is written as JSON, which is also valid YAML. */
  static async start(configuration: object): Promise<PrivatePrometheus> {
    const { prometheus, version } = requirePrometheus()
    const folder = await mkdtemp(join(tmpdir(), 'chat-auth-prometheus-'))
    await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(configuration))
    const child = spawn(
      prometheus,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        '--web.listen-address=127.0.0.1:0',
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const watchdog = spawn('sh', ['-c', watchdogScript, 'watchdog', String(child.pid), folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    const exited = once(child, 'exit')
    const lines: string[] = []
    const port = new Promise<string>((resolve) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        lines.push(line)
        const found = /msg="Listening on" .*address=127\.0\.0\.1:(\d+)/.exec(line)?.[1]
        if (found !== undefined) resolve(found)
      })
    })
    const gone = exited.then((): never => {
      throw new Error(`Prometheus did not start:\n${lines.slice(-5).join('\n')}`)
    })
    const url = `http://127.0.0.1:${await Promise.race([port, gone])}`
    gone.catch(() => undefined)
    return new PrivatePrometheus(version, url, async () => {
      child.kill('SIGKILL')
      await exited
      watchdog.stdin.end()
      await once(watchdog, 'exit')
      await rm(folder, { recursive: true, force: true })
    })
  }

  /** Evaluates the expression now. Throws the error of Prometheus if the expression is invalid. */
  async query(expression: string): Promise<readonly Series[]> {
    const body = new URLSearchParams({ query: expression })
    const response = (await (await fetch(`${this.#url}/api/v1/query`, { method: 'POST', body })).json()) as {
      status: string
      error?: string
      data?: { result: Series[] }
    }
    if (response.data === undefined) throw new Error(`${expression}: ${response.error ?? response.status}`)
    return response.data.result
  }

  stop(): Promise<void> {
    return this.#stop()
  }
}
