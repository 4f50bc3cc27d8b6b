// nginx as docker-compose.cluster.yaml runs it: the same file, with other addresses in it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chown, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { requireNginx } from '../../../scripts/nginx/find-nginx.ts'
import { steadyPorts } from './steady-ports.ts'

export const nginxConfiguration = readFileSync(
  new URL('../../../deploy/nginx/nginx.conf', import.meta.url),
  'utf8',
)

// Its input is a pipe from us: when we die, however we die, `read` returns.
const watchdogScript = 'read -r _; kill -TERM "$1" 2>/dev/null'

export interface Addresses {
  readonly port: number
  readonly internalPort: number
}

/** A line of its access log. */
export interface ProxiedRequest {
  readonly method: string
  readonly status: number
  /** Who was asked, and what each said: more than one when the first did not answer. */
  readonly instances: readonly string[]
  readonly statuses: readonly string[]
}

export interface RunningNginx {
  readonly url: string
  readonly internalUrl: string
  /** All that have been answered so far. */
  requests(): readonly ProxiedRequest[]
  /** What it wrote besides. */
  readonly complaints: readonly string[]
  readonly stop: () => Promise<void>
}

/** The name and port of a listener in the file, and what stands in for it. */
function configured(own: Addresses, instances: readonly Addresses[]): string {
  return nginxConfiguration
    .replace(/listen 8000;/, `listen 127.0.0.1:${own.port};`)
    .replace(/listen 8010;/, `listen 127.0.0.1:${own.internalPort};`)
    .replaceAll(/chat-auth-(\d):(8000|8010)/g, (_all, number: string, listener: string) => {
      const { port = 0, internalPort = 0 } = instances[Number(number) - 1] ?? {}
      return `127.0.0.1:${listener === '8000' ? port : internalPort}`
    })
}

/** It needs no rights: as root it runs as "nobody". */
function ordinaryUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout)
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/** Starts it in front of three instances, which need not run yet. It does not outlive this process. */
export async function startNginx(instances: readonly Addresses[]): Promise<RunningNginx> {
  const { path, env } = requireNginx()
  const [port = 0, internalPort = 0] = await steadyPorts(2)
  const user = ordinaryUser()
  const folder = await mkdtemp('/tmp/chat-auth-nginx-')
  const log = join(folder, 'access.log')
  await writeFile(join(folder, 'nginx.conf'), configured({ port, internalPort }, instances))
  // It opens /dev/stdout again, which works with a file only.
  const output = await open(log, 'a')
  if (user !== undefined) for (const file of [folder, log]) await chown(file, user.uid, user.gid)
  const server = spawn(
    path,
    ['-e', 'stderr', '-p', `${folder}/`, '-c', `${folder}/nginx.conf`, '-g', 'daemon off;'],
    {
      ...user,
      env,
      stdio: ['ignore', output.fd, 'pipe'],
    },
  )
  const exited = once(server, 'exit')
  const watchdog = spawn('sh', ['-c', watchdogScript, 'watchdog', String(server.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const complaints: string[] = []
  if (server.stderr !== null)
    createInterface({ input: server.stderr }).on('line', (line) => complaints.push(line))
  const stop = async () => {
    server.kill('SIGTERM')
    await exited
    watchdog.kill('SIGKILL')
    await output.close()
    await rm(folder, { recursive: true })
  }
  const url = `http://127.0.0.1:${port}`
  try {
    await listening(url, exited, complaints)
  } catch (error) {
    await stop()
    throw error
  }
  // What follows the last end of a line is one that is still being written.
  const requests = () => readFileSync(log, 'utf8').split('\n').slice(0, -1).map(parseLine)
  return { url, internalUrl: `http://127.0.0.1:${internalPort}`, requests, complaints, stop }
}

async function listening(
  url: string,
  exited: Promise<unknown>,
  complaints: readonly string[],
): Promise<void> {
  const gone = exited.then((): never => {
    throw new Error(`nginx did not start:\n${complaints.join('\n')}`)
  })
  const answered = async (): Promise<void> => {
    try {
      await fetch(`${url}/health/live`, { method: 'HEAD' })
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
      await answered()
    }
  }
  await Promise.race([answered(), gone])
}

function parseLine(line: string): ProxiedRequest {
  const { method, status, instances, statuses } = JSON.parse(line) as Record<string, string>
  return {
    method: method ?? '',
    status: Number(status),
    instances: instances?.split(', ') ?? [],
    statuses: statuses?.split(', ') ?? [],
  }
}
