import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { HashingThreads, hashingThreads } from '../../../src/infrastructure/crypto/hashing-threads.ts'

/** A thread that answers with its number, or does as it is told. */
const obedient = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, threadId } from 'node:worker_threads'
    parentPort.on('message', ({ input: [told] }) => {
      if (told === 'throw') throw new Error('as told')
      if (told === 'leave') process.exit(3)
      parentPort.postMessage({ output: threadId })
      if (told === 'answer and leave') process.exit(3)
    })`)}`,
)
const overloaded = { code: 'overloaded', details: { retryAfterSeconds: 1 } }

/** Fields of proc_pid_stat(5), counted from the third: the name before it may hold anything. */
const NICE = 16
function priorities(): number[] {
  return readdirSync('/proc/self/task').map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[NICE])
  })
}

describe('hashing threads', () => {
  test('do what they are asked', async () => {
    const hash = await hashingThreads.run('argon2Hash', 'correct horse', { memoryCost: 64, timeCost: 1 })
    expect(await hashingThreads.run('argon2Verify', hash, 'correct horse')).toBe(true)
    expect(await hashingThreads.run('argon2Verify', hash, 'wrong horse')).toBe(false)
    // RFC 7914, section 11.
    const derived = await hashingThreads.run('pbkdf2', 'passwd', Buffer.from('salt'), 1, 16, 'sha256')
    expect(Buffer.from(derived).toString('hex')).toBe('55ac046e56e3089fec1691c22544b605')
  })

  test('fail as their work does, and go on', async () => {
    await expect(hashingThreads.run('argon2Verify', 'corrupt', 'x')).rejects.toThrow('Decoding failed')
    expect(await hashingThreads.run('argon2Hash', 'x', { memoryCost: 64 })).toMatch(/^\$argon2id\$/)
  })

  test.runIf(process.platform === 'linux')('have the lowest priority, and they alone', async () => {
    const own = getPriority()
    await Promise.all([1, 2, 3].map(() => hashingThreads.run('argon2Hash', 'x', { memoryCost: 64 })))
    expect(getPriority()).toBe(own)
    expect(priorities().filter((nice) => nice !== own)).toEqual([19, 19, 19])
  })

  test('are started as they are needed, and used again', async () => {
    const threads = new HashingThreads(obedient)
    const answer = () => threads.run('argon2Hash', 'answer')
    const first = await Promise.all([answer(), answer()])
    expect(new Set(first).size).toBe(2)
    const second = await Promise.all([answer(), answer()])
    expect(new Set([...first, ...second]).size).toBe(2)
  })

  test.each(['throw', 'leave'])('when one ends over its task (%s), who asked may come back', async (told) => {
    const threads = new HashingThreads(obedient)
    const [other] = await Promise.all([
      threads.run('argon2Hash', 'answer'),
      expect(threads.run('argon2Hash', told)).rejects.toMatchObject({
        ...overloaded,
        cause: expect.any(Error) as Error,
      }),
    ])
    expect(await threads.run('argon2Hash', 'answer')).toBe(other)
    const both = await Promise.all([1, 2].map(() => threads.run('argon2Hash', 'answer')))
    expect(new Set(both).size).toBe(2)
  })

  test('that cannot be started refuse', async () => {
    const threads = new HashingThreads(new URL('data:text/javascript,not a module'))
    await expect(threads.run('argon2Hash', 'x')).rejects.toMatchObject(overloaded)
  })

  test('one that ends in between is replaced', async () => {
    const threads = new HashingThreads(obedient)
    const started = once(process, 'worker') as Promise<[Worker]>
    const gone = started.then(([thread]) => once(thread, 'exit'))
    const first = await threads.run('argon2Hash', 'answer and leave')
    await gone
    expect(await threads.run('argon2Hash', 'answer')).not.toBe(first)
  })

  test('keep the process until the answer is there, and no longer', async () => {
    const module = new URL('../../../src/infrastructure/crypto/hashing-threads.ts', import.meta.url)
    const lines = `import('${module.href}').then(async ({ hashingThreads }) => {
      await hashingThreads.run('argon2Hash', 'x')
      process.stdout.write(await hashingThreads.run('argon2Hash', 'x'))
    })`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', lines])
    expect(stdout).toMatch(/^\$argon2id\$/)
  })
})
