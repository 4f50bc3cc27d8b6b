import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import type { HashingTasks } from '../../../src/infrastructure/crypto/hashing-thread.ts'
import { TaskThreads } from '../../../src/infrastructure/crypto/task-threads.ts'
import { hashingThreads } from '../../../src/infrastructure/crypto/unstarved-threads.ts'

/** A thread that sends its number back, or does what the word in its task says. */
const obedient = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, threadId } from 'node:worker_threads'
    parentPort.on('message', ({ input: [order] }) => {
      if (order === 'throw') throw new Error('as ordered')
      if (order === 'exit') process.exit(3)
      if (order === 'respond') parentPort.postMessage({ output: threadId })
    })`)}`,
)
const overloaded = { code: 'overloaded', details: { retryAfterSeconds: 1 } }

/** Field of proc_pid_stat(5), counted from the third. The name before it may have any characters. */
const NICE = 16
function priorities(): number[] {
  return readdirSync('/proc/self/task').map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[NICE])
  })
}

describe('hashing threads', () => {
  test('hashing threads hash and verify passwords', async () => {
    const hash = await hashingThreads.run('argon2Hash', 'correct horse', { memoryCost: 64, timeCost: 1 })
    expect(await hashingThreads.run('argon2Verify', hash, 'correct horse')).toBe(true)
    expect(await hashingThreads.run('argon2Verify', hash, 'wrong horse')).toBe(false)
    // RFC 7914, section 11.
    const derived = await hashingThreads.run('pbkdf2', 'passwd', Buffer.from('salt'), 1, 16, 'sha256')
    expect(Buffer.from(derived).toString('hex')).toBe('55ac046e56e3089fec1691c22544b605')
  })

  test('a hashing thread passes on the error of its work and stays usable', async () => {
    await expect(hashingThreads.run('argon2Verify', 'corrupt', 'x')).rejects.toThrow('Decoding failed')
    expect(await hashingThreads.run('argon2Hash', 'x', { memoryCost: 64 })).toMatch(/^\$argon2id\$/)
  })

  test.runIf(process.platform === 'linux')('only threads of low priority have the lowest one', async () => {
    const own = getPriority()
    const before = priorities().filter((nice) => nice === 19).length
    const module = new URL('../../../src/infrastructure/crypto/hashing-thread.ts', import.meta.url)
    const threads = [true, false].map(
      (isLow) => new TaskThreads<HashingTasks>({ module, workerData: { isLow } }),
    )
    const runs = threads.flatMap((each) =>
      [1, 2, 3].map(() => each.run('argon2Hash', 'x', { memoryCost: 64 })),
    )
    await Promise.all(runs)
    expect(getPriority()).toBe(own)
    expect(priorities().filter((nice) => nice === 19)).toHaveLength(before + 3)
  })

  test('hashing threads are started on demand and used again', async () => {
    const threads = new TaskThreads<HashingTasks>({ module: obedient })
    const run = () => threads.run('argon2Hash', 'respond')
    const first = await Promise.all([run(), run()])
    expect(new Set(first).size).toBe(2)
    const second = await Promise.all([run(), run()])
    expect(new Set([...first, ...second]).size).toBe(2)
  })

  test.each(['throw', 'exit'])(
    'a task whose hashing thread ends (%s) is refused as overloaded',
    async (order) => {
      const threads = new TaskThreads<HashingTasks>({ module: obedient })
      const [other] = await Promise.all([
        threads.run('argon2Hash', 'respond'),
        expect(threads.run('argon2Hash', order)).rejects.toMatchObject({
          ...overloaded,
          cause: expect.any(Error) as Error,
        }),
      ])
      expect(await threads.run('argon2Hash', 'respond')).toBe(other)
      const both = await Promise.all([1, 2].map(() => threads.run('argon2Hash', 'respond')))
      expect(new Set(both).size).toBe(2)
    },
  )

  test('a task is refused as overloaded if its hashing thread cannot start', async () => {
    const module = new URL('data:text/javascript,not a module')
    const threads = new TaskThreads<HashingTasks>({ module })
    await expect(threads.run('argon2Hash', 'x')).rejects.toMatchObject(overloaded)
  })

  /** The threads with the first of them, and the result of its first task. */
  const withFirst = async (order: string) => {
    const threads = new TaskThreads<HashingTasks>({ module: obedient })
    const started = once(process, 'worker') as Promise<[Worker]>
    const result = threads.run('argon2Hash', order)
    const [thread] = await started
    return { threads, thread, result }
  }

  test('a hashing thread that ends between two tasks is replaced', async () => {
    const { threads, thread, result } = await withFirst('respond')
    const first = await result
    await thread.terminate()
    expect(await threads.run('argon2Hash', 'respond')).not.toBe(first)
  })

  test('a hashing thread that ends in the moment of its result is replaced', async () => {
    const { threads, thread, result } = await withFirst('wait')
    // Node emits both without a break if both are there when it looks.
    thread.emit('message', { output: 'the result' })
    thread.emit('exit', 1)
    expect(await result).toBe('the result')
    expect(await threads.run('argon2Hash', 'respond')).not.toBe(thread.threadId)
    await thread.terminate()
  })

  test('a hashing thread keeps the process alive only until its result is there', async () => {
    const module = new URL('../../../src/infrastructure/crypto/unstarved-threads.ts', import.meta.url)
    const lines = `import('${module.href}').then(async ({ hashingThreads }) => {
      await hashingThreads.run('argon2Hash', 'x')
      process.stdout.write(await hashingThreads.run('argon2Hash', 'x'))
    })`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', lines])
    expect(stdout).toMatch(/^\$argon2id\$/)
  })
})
