import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

// Its input is a pipe from this process: `read` returns when this process ends for any reason.
const watchdogScript = 'read -r _; kill -TERM "$1" 2>/dev/null'

interface ServerOptions {
  /** Where it responds once it has started. */
  readonly url: string
  readonly env: NodeJS.ProcessEnv
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** Whether this status means that it has started; by default every status does. */
  readonly isReady?: (status: number) => boolean
  /** A file for its standard output. */
  readonly stdout?: number
}

/** Starts a server, which ends with this process. Rejects with its complaints if it does not start. */
export async function runServer(
  program: string,
  args: readonly string[],
  { url, env, user, stdout, isReady = () => true }: ServerOptions,
): Promise<{ readonly complaints: readonly string[]; readonly stop: () => Promise<void> }> {
  const server = spawn(program, args, { ...user, env, stdio: ['ignore', stdout ?? 'ignore', 'pipe'] })
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
  }
  try {
    const gone = exited.then((): never => {
      throw new Error(`${program} did not start:\n${complaints.join('\n')}`)
    })
    await Promise.race([becomesReady(url, isReady), gone])
  } catch (error) {
    await stop()
    throw error
  }
  return { complaints, stop }
}

async function becomesReady(url: string, isReady: (status: number) => boolean): Promise<void> {
  try {
    const { status } = await fetch(`${url}/health/live`, { method: 'HEAD' })
    if (isReady(status)) return
  } catch {
    // It does not listen yet.
  }
  await new Promise((resolve) => setTimeout(resolve, 20))
  await becomesReady(url, isReady)
}
