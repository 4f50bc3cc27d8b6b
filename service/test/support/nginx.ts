// Starts nginx with the configuration of docker-compose.cluster.yaml and different addresses.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chown, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { requireNginx } from '../../../scripts/nginx/find-nginx.ts'
import { runServer } from './run-server.ts'
import { steadyPorts } from './steady-ports.ts'

export const nginxConfiguration = readFileSync(
  new URL('../../../deploy/nginx/nginx.conf', import.meta.url),
  'utf8',
)

export interface Addresses {
  readonly port: number
  readonly internalPort: number
}

/** A line of its access log. */
export interface ProxiedRequest {
  readonly method: string
  readonly status: number
  /** The instances that were tried and their statuses. There are several if the first did not respond. */
  readonly instances: readonly string[]
  readonly statuses: readonly string[]
}

export interface RunningNginx {
  readonly url: string
  readonly internalUrl: string
  /** All requests that have got a response so far. */
  requests(): readonly ProxiedRequest[]
  /** The other lines that nginx wrote. */
  readonly complaints: readonly string[]
  readonly stop: () => Promise<void>
}

/** Replaces the listeners and instances of the configuration file by the addresses of the test. */
function configured(own: Addresses, instances: readonly Addresses[]): string {
  return nginxConfiguration
    .replace(/listen 8000;/, `listen 127.0.0.1:${own.port};`)
    .replace(/listen 8010;/, `listen 127.0.0.1:${own.internalPort};`)
    .replaceAll(/chat-auth-(\d):(8000|8010)/g, (_all, number: string, listener: string) => {
      const { port = 0, internalPort = 0 } = instances[Number(number) - 1] ?? {}
      return `127.0.0.1:${listener === '8000' ? port : internalPort}`
    })
}

/** nginx needs no privileges: if the tests run as root, it runs as "nobody". */
function ordinaryUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout)
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/**
 * Starts nginx in front of three instances, which need not run yet. nginx ends with this process. `change` makes another
 * configuration of ours.
 */
export async function startNginx(
  instances: readonly Addresses[],
  change: (configuration: string) => string = (configuration) => configuration,
): Promise<RunningNginx> {
  const [port = 0, internalPort = 0] = await steadyPorts(2)
  const files = { 'nginx.conf': change(configured({ port, internalPort }, instances)) }
  const { folder, ...nginx } = await runNginx(files, `http://127.0.0.1:${port}`)
  // The text after the last newline is a line that is still being written.
  const requests = () =>
    readFileSync(join(folder, 'access.log'), 'utf8').split('\n').slice(0, -1).map(parseLine)
  return { ...nginx, internalUrl: `http://127.0.0.1:${internalPort}`, requests }
}

/** Starts nginx with these files, of which one is nginx.conf and listens at `url`. nginx ends with this process. */
export async function runNginx(files: Readonly<Record<string, string>>, url: string) {
  const { path, env } = requireNginx()
  const user = ordinaryUser()
  const folder = await mkdtemp('/tmp/chat-auth-nginx-')
  const log = join(folder, 'access.log')
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  // nginx reopens /dev/stdout, which only works if it is a file.
  const output = await open(log, 'a')
  if (user !== undefined) for (const file of [folder, log]) await chown(file, user.uid, user.gid)
  const removeAll = async () => {
    await output.close()
    await rm(folder, { recursive: true })
  }
  try {
    const args = ['-e', 'stderr', '-p', `${folder}/`, '-c', `${folder}/nginx.conf`, '-g', 'daemon off;']
    const { complaints, stop } = await runServer(path, args, { url, env, user, stdout: output.fd })
    return { url, folder, complaints, stop: () => stop().then(removeAll) }
  } catch (error) {
    await removeAll()
    throw error
  }
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
