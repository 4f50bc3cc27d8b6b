// Starts PgBouncer with the configuration of deploy/pgbouncer and different addresses.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { requirePgbouncer, type PgbouncerVersion } from '../../../scripts/pgbouncer/find-pgbouncer.ts'
import { steadyPorts } from './steady-ports.ts'

const shippedConfiguration = readFileSync(
  new URL('../../../deploy/pgbouncer/pgbouncer.ini', import.meta.url),
  'utf8',
)

/** PgBouncer's own defaults in this mode, for an operator who has read nothing. */
const plainConfiguration = (mode: string): string =>
  `[databases]\nchat_auth = host=postgres port=5432 dbname=chat_auth\n[pgbouncer]\npool_mode = ${mode}\n` +
  'listen_addr = *\nlisten_port = 6432\nauth_type = any\nauth_file = /etc/pgbouncer/userlist.txt\n'

// Its input is a pipe from this process: `read` returns when this process ends for any reason.
const watchdogScript = 'read -r _; kill -TERM "$1" 2>/dev/null'

export interface PgbouncerOptions {
  readonly version: PgbouncerVersion
  /** The mode of a configuration that says nothing else; the shipped configuration unless given. */
  readonly plain?: 'session' | 'transaction' | 'statement'
  /** Lines at the end, which win. */
  readonly lines?: readonly string[]
}

export interface RunningPgbouncer {
  /** The address of the database through the pooler. */
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Starts PgBouncer in front of the database at `url`. It ends with this process. */
export async function startPgbouncer(
  url: string,
  { version, plain, lines = [] }: PgbouncerOptions,
): Promise<RunningPgbouncer> {
  const [port = 0] = await steadyPorts(1)
  const target = new URL(url)
  const name = target.pathname.slice(1)
  const folder = await mkdtemp('/tmp/chat-auth-pgbouncer-')
  await chmod(folder, 0o755)
  await writeFile(join(folder, 'userlist.txt'), `"${target.username}" ""\n`)
  const base = plain === undefined ? shippedConfiguration : plainConfiguration(plain)
  const configuration = base
    .replace(
      /^chat_auth = host=postgres port=5432 dbname=chat_auth/m,
      `${name} = host=${target.hostname} port=${target.port} dbname=${name} user=${target.username}`,
    )
    .replace('listen_addr = *', 'listen_addr = 127.0.0.1')
    .replace('listen_port = 6432', `listen_port = ${port}`)
    .replace('auth_type = scram-sha-256', 'auth_type = any')
    .replace('/etc/pgbouncer/userlist.txt', join(folder, 'userlist.txt'))
  await writeFile(
    join(folder, 'pgbouncer.ini'),
    [configuration, 'unix_socket_dir =', ...lines, ''].join('\n'),
  )
  const [program = '', ...args] = requirePgbouncer(version)
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const server = spawn(program, [...args, ...user, join(folder, 'pgbouncer.ini')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '' },
  })
  const exited = once(server, 'exit')
  const watchdog = spawn('sh', ['-c', watchdogScript, 'watchdog', String(server.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const words: string[] = []
  const ready = new Promise<true>((resolve) => {
    createInterface({ input: server.stderr }).on('line', (line) => {
      words.push(line)
      if (line.includes('process up')) resolve(true)
    })
  })
  const stop = async () => {
    // SIGTERM waits for clients in some versions; SIGQUIT stops immediately in others. SIGKILL is the same in all.
    server.kill('SIGKILL')
    await exited
    watchdog.kill('SIGKILL')
    await rm(folder, { recursive: true })
  }
  if ((await Promise.race([ready, exited])) !== true) {
    await stop()
    throw new Error(`PgBouncer did not start:\n${words.join('\n')}`)
  }
  return { url: `postgres://${target.username}@127.0.0.1:${port}/${name}`, stop }
}
