// A Prometheus of its own, on a free port and a temporary folder. It does not outlive this process, whatever ends that.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { requirePrometheus } from '../../../scripts/prometheus/find-prometheus.ts'

// Its input is a pipe from us: when we die, however we die, `read` returns.
const watchdogScript = 'read -r _; kill -KILL "$1" 2>/dev/null; exec rm -rf "$2"'

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  /** When, and what, as text. */
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

  /** With this configuration, which is JSON: YAML knows it, too. */
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

  /** What the expression is now. Throws what Prometheus says when it is none. */
  async query(expression: string): Promise<readonly Series[]> {
    const body = new URLSearchParams({ query: expression })
    const answer = (await (await fetch(`${this.#url}/api/v1/query`, { method: 'POST', body })).json()) as {
      status: string
      error?: string
      data?: { result: Series[] }
    }
    if (answer.data === undefined) throw new Error(`${expression}: ${answer.error ?? answer.status}`)
    return answer.data.result
  }

  stop(): Promise<void> {
    return this.#stop()
  }
}
