// A PostgreSQL server of our own, on a free port of 127.0.0.1, in a folder that is thrown away.
// Not for real data: any local user may connect to it.
import { spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { chown, chmod, mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { requireServer } from './find-server.ts'
import type { ServerPrograms } from './find-server.ts'

export type PrivateCluster = {
  /** Of the administrator, in the database `postgres`. It stays the same over `restart`. */
  url: string
  version: string
  /** Process id of the server. */
  pid: () => number
  /** Fast shutdown; the folder is removed. */
  stop: () => Promise<void>
  /** SIGKILL: the server loses all it had in memory. The folder stays, for `restart`. */
  kill: () => Promise<void>
  /** Starts again on the same folder and port, after a fast shutdown if it still runs. */
  restart: () => Promise<void>
  /** Makes a standby the primary. Resolves when it takes writes. */
  promote: () => Promise<void>
}

export type ClusterOptions = {
  /** Server settings. The server is fully durable unless they say otherwise. */
  settings?: Record<string, string>
  /**
   * The address of a primary to copy and to follow. It knows this one as `standby`, and waits for it with each commit as
   * soon as `synchronous_standby_names` says so.
   */
  standbyOf?: string
  /** Where the write-ahead log is, in small files; in the data folder unless given. */
  walFolder?: string
  /** A command that starts each program of the server, such as one that enters a namespace. */
  startedBy?: readonly string[]
}

type Server = { process: ChildProcess; exited: Promise<unknown> }

// Its input is a pipe from us: when we die, however we die, `read` returns.
const watchdogScript = `
  read -r _
  pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  # An initdb that was interrupted may still be at work in the folder.
  for _ in $(seq 50); do rm -rf "$1" && break; sleep 0.1; done`

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Others may write to a folder, and look into it. */
const othersMayUse = 0o003

const makeFolder = async ({ user }: ServerPrograms): Promise<string> => {
  // As root the server runs as another user, who may not reach root's own temporary folder.
  const isReachable = user === undefined || (statSync(tmpdir()).mode & othersMayUse) === othersMayUse
  const folder = await mkdtemp(join(isReachable ? tmpdir() : '/tmp', 'chat-auth-pg-'))
  if (user !== undefined) await chown(folder, user.uid, user.gid)
  await chmod(folder, 0o700)
  return folder
}

const runToEnd = async (command: string, args: string[], options: SpawnOptions): Promise<void> => {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${command} failed: ${complaints}`)
}

/** Resolves when the server accepts connections, or to its last words when it would not start. */
const launch = async (command: string, args: string[], options: SpawnOptions): Promise<Server | string> => {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit')
  const lastLines: string[] = []
  const ready = new Promise<true>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (lastLines.push(line) > 20) lastLines.shift()
      if (/ready to accept (read-only )?connections/.test(line)) resolve(true)
    })
  })
  const started = await Promise.race([ready, exited])
  return started === true ? { process: child, exited } : lastLines.join('\n')
}

type Command = [program: string, ...args: string[]]

// `--no-sync` only risks a cluster that is not in use yet.
const initial = (data: string, walFolder: string | undefined): Command => [
  'initdb',
  '-D',
  data,
  '-U',
  'postgres',
  '-A',
  'trust',
  '-E',
  'UTF8',
  '--locale=C.UTF-8',
  '--no-sync',
  ...(walFolder === undefined ? [] : ['--waldir', walFolder, '--wal-segsize=1']),
]
const copy = (data: string, primaryUrl: string): Command => [
  'pg_basebackup',
  '-D',
  data,
  '-d',
  `${primaryUrl}?application_name=standby`,
  '--write-recovery-conf',
  '--checkpoint=fast',
  '--no-sync',
]

/** Starts a server that does not outlive this process, whatever ends it. */
export const startPrivateCluster = async ({
  settings = {},
  standbyOf,
  walFolder,
  startedBy = [],
}: ClusterOptions = {}): Promise<PrivateCluster> => {
  const programs = requireServer()
  const folder = await makeFolder(programs)
  const data = join(folder, 'data')
  // In a session of their own, neither Ctrl-C nor a kill of our process group reaches them.
  const options = { ...programs.user, env: programs.env, cwd: folder, detached: true }
  const watchdog = spawn('sh', ['-c', watchdogScript, 'watchdog', folder], {
    ...options,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const watchdogDone = once(watchdog, 'exit')
  const removeFolder = async () => {
    watchdog.stdin.end()
    await watchdogDone
  }

  const commandLine = (program: string, args: readonly string[]): Command => {
    const [command = '', ...rest] = [...startedBy, join(programs.bin, program), ...args]
    return [command, ...rest]
  }
  const run = (program: string, args: readonly string[]): Promise<void> => {
    const [command, ...rest] = commandLine(program, args)
    return runToEnd(command, rest, options)
  }

  const start = async (port: number, attempts: number): Promise<Server> => {
    const given = { max_connections: '200', listen_addresses: '127.0.0.1', unix_socket_directories: folder }
    const flags = Object.entries({ ...given, ...settings }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ])
    const [command, ...args] = commandLine('postgres', ['-D', data, '-p', `${port}`, ...flags])
    const server = await launch(command, args, options)
    if (typeof server !== 'string') return server
    if (attempts <= 1) throw new Error(`PostgreSQL did not start: ${server}`)
    // After a kill, the old server's other processes may still be on their way out.
    await delay(200)
    return start(port, attempts - 1)
  }
  const startOnFreePort = async (attempts: number): Promise<[number, Server]> => {
    const port = await freePort()
    try {
      return [port, await start(port, 1)]
    } catch (error) {
      // Another process may have taken the port in between.
      if (attempts <= 1) throw error
      return startOnFreePort(attempts - 1)
    }
  }

  try {
    const [program, ...args] = standbyOf === undefined ? initial(data, walFolder) : copy(data, standbyOf)
    await run(program, args)
    const [port, first] = await startOnFreePort(5)
    let server = first
    const end = async (signal: NodeJS.Signals) => {
      server.process.kill(signal)
      await server.exited
    }
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      version: programs.version,
      pid: () => server.process.pid ?? 0,
      stop: async () => {
        // A server that does not end in time is ended by the watchdog.
        await Promise.race([end('SIGINT'), delay(10_000, undefined, { ref: false })])
        await removeFolder()
      },
      kill: () => end('SIGKILL'),
      restart: async () => {
        await end('SIGINT')
        server = await start(port, 25)
      },
      promote: () => run('pg_ctl', ['promote', '-D', data]),
    }
  } catch (error) {
    await removeFolder()
    throw error
  }
}
