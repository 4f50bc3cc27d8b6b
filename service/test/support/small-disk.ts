// A file system of a few megabytes for a database server, so that a disk can be full.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chownSync, mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { requireServer } from '../../../scripts/postgres/find-server.ts'

export interface SmallDisk {
  /** Where the server finds it. It belongs to the server's user. */
  readonly folder: string
  /** What a program is started by that is to find it there. */
  readonly startedBy: readonly string[]
  /** Takes all the room there is; to be done again when some became free. */
  fill(): void
  /** Gives it back. */
  relieve(): void
  /** After the server has ended. */
  remove(): Promise<void>
}

const BALLAST = Buffer.alloc(64 * 1024)

// Its input is a pipe from us: when we die, however we die, `read` returns.
const mountScript = `
  mount -t tmpfs -o "$2" tmpfs "$1" && : > "$1/ballast" && echo mounted && read -r _
  umount -l "$1"; rmdir "$1"`

type Holder = ChildProcessByStdio<Writable, Readable, Readable>
type User = { uid: number; gid: number }

/** Root mounts. Anybody else may do so in a namespace of their own, where that is allowed. */
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
  'A full disk is tested on a small tmpfs, which has to be mounted: by root, or by a user who may make namespaces ' +
  '(unshare --user --mount; see the sysctls kernel.unprivileged_userns_clone and ' +
  'kernel.apparmor_restrict_unprivileged_userns, and in a container its seccomp profile).'

/** Gone with this process, whatever ends that. */
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

/** Answers the disk, or what kept it from being one. */
async function tryToMount(way: Way, megabytes: number, owner: User | undefined): Promise<SmallDisk | string> {
  const folder = mkdtempSync('/tmp/chat-auth-disk-')
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
  const { uid, gid } = owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const [command, ...args] = [...way.command, 'sh', '-c', mountScript, 'small-disk', folder]
  const holder = spawn(command, [...args, `size=${megabytes}m,mode=0700,uid=${uid},gid=${gid}`], {
    ...way.user,
    stdio: ['pipe', 'pipe', 'pipe'],
    // Neither Ctrl-C nor a kill of our process group reaches it.
    detached: true,
  })
  const complaint = await untilMounted(holder)
  if (complaint === undefined) return diskOf(holder, folder, way.entering(holder.pid ?? 0))
  rmSync(folder, { recursive: true, force: true })
  return `${[command, ...args].slice(0, 2).join(' ')}: ${complaint}`
}

/** Answers its last words when it does not. */
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
  // Seen through the process that mounted it and made the file, which may be in another namespace than we are.
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
