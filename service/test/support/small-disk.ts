// Mounts a file system of a few megabytes for a database server, to test a full disk.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chownSync, mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { requireServer } from '../../../scripts/postgres/find-server.ts'

export interface SmallDisk {
  /** The mount point. It belongs to the user of the server. */
  readonly folder: string
  /** The command prefix that starts a program in the namespace of the mount. */
  readonly startedBy: readonly string[]
  /** Fills all free space. Call it again after space became free. */
  fill(): void
  /** Frees the space that `fill` took. */
  relieve(): void
  /** Unmounts it. The server must have ended before. */
  remove(): Promise<void>
}

const BALLAST = Buffer.alloc(64 * 1024)

// Its input is a pipe from this process: `read` returns when this process ends for any reason.
const mountScript = `
  mount -t tmpfs -o "$2" tmpfs "$1" && : > "$1/ballast" && echo mounted && read -r _
  umount -l "$1"; rmdir "$1"`

type Holder = ChildProcessByStdio<Writable, Readable, Readable>
type User = { uid: number; gid: number }

/** A way to mount: directly as root, or in a new user namespace where the system allows it. */
interface Way {
  readonly command: readonly string[]
  readonly user: User | undefined
  readonly entering: (pid: number) => readonly string[]
}

const asRoot: Way = { command: [], user: undefined, entering: () => [] }
const inNamespace = (user: User | undefined): Way => ({
  command: ['unshare', '--user', '--mount', '--map-current-user', '--keep-caps'],
  user,
  entering: (pid) => ['nsenter', '--preserve-credentials', '--user', '--mount', `--target=${pid}`],
})

const NEEDED =
  'The full-disk test needs to mount a small tmpfs. Run it as root, or as a user who may create namespaces ' +
  '(unshare --user --mount). See the sysctls kernel.unprivileged_userns_clone and ' +
  'kernel.apparmor_restrict_unprivileged_userns, and in a container its seccomp profile.'

/** The mount ends with this process, even after SIGKILL. */
export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const { user } = requireServer()
  const ways = [...(process.getuid?.() === 0 ? [asRoot] : []), inNamespace(user)]
  const complaints: string[] = []
  for (const way of ways) {
    const mounted = await tryToMount(way, megabytes, user)
    if (typeof mounted !== 'string') return mounted
    complaints.push(mounted)
  }
  throw new Error([NEEDED, ...complaints].join('\n'))
}

/** Returns the disk, or the reason why the mount failed. */
async function tryToMount(way: Way, megabytes: number, owner: User | undefined): Promise<SmallDisk | string> {
  const folder = mkdtempSync('/tmp/chat-auth-disk-')
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
  const { uid, gid } = owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const [command, ...args] = [...way.command, 'sh', '-c', mountScript, 'small-disk', folder]
  const holder = spawn(command, [...args, `size=${megabytes}m,mode=0700,uid=${uid},gid=${gid}`], {
    ...way.user,
    stdio: ['pipe', 'pipe', 'pipe'],
    // Neither Ctrl-C nor a kill of this process group reaches it.
    detached: true,
  })
  const complaint = await untilMounted(holder)
  if (complaint === undefined) return diskOf(holder, folder, way.entering(holder.pid ?? 0))
  rmSync(folder, { recursive: true, force: true })
  return `${[command, ...args].slice(0, 2).join(' ')}: ${complaint}`
}

/** Returns the standard error if the mount failed, else undefined. */
async function untilMounted(holder: Holder): Promise<string | undefined> {
  let words = ''
  holder.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()))
  const failed = new Promise<string>((resolve) => {
    holder.once('error', ({ message }) => resolve(message))
    holder.once('close', () => resolve(words.trim()))
  })
  return Promise.race([failed, once(holder.stdout, 'data').then(() => undefined)])
}

function diskOf(holder: Holder, folder: string, startedBy: readonly string[]): SmallDisk {
  // The mount may be in another namespace, so the path goes through the process that made it.
  const ballast = join(`/proc/${holder.pid ?? 0}/root`, folder, 'ballast')
  const exited = once(holder, 'close')
  return {
    folder,
    startedBy,
    fill: () => {
      try {
        for (;;) appendFileSync(ballast, BALLAST)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    },
    relieve: () => truncateSync(ballast),
    remove: async () => {
      holder.stdin.end()
      await exited
    },
  }
}
