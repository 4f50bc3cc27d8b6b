import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { parseNewPassword, type NewPassword } from '../../../src/domain/password.ts'
import type { ScoringTasks } from '../../../src/infrastructure/crypto/scoring-thread.ts'
import { TaskThreads } from '../../../src/infrastructure/crypto/task-threads.ts'
import { ZxcvbnPasswordStrength } from '../../../src/infrastructure/crypto/zxcvbn-password-strength.ts'
import { ZxcvbnScoring } from '../../../src/infrastructure/crypto/zxcvbn-scoring.ts'

const share = ['somebody']
const overloaded = { code: 'overloaded', details: { retryAfterSeconds: 1 } }

/** A thread that objects with the password as the message, or does what the password says. */
const obedient = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', ({ input: [password] }) => {
      if (password === 'stall') return
      if (password === 'exit') process.exit(3)
      parentPort.postMessage({ output: { code: 'too_common', message: password }, took: {} })
    })`)}`,
)

function obey(options: { queueLimit?: number; longestRunMs?: number } = {}) {
  const threads = new TaskThreads<ScoringTasks>({ module: obedient, longestRunMs: options.longestRunMs })
  const strength = new ZxcvbnPasswordStrength({ threads, queueLimit: options.queueLimit ?? 64 })
  return (order: string) => strength.objection(order as NewPassword, [], share)
}

describe('scoring passwords in a thread', { tags: ['SIGN-IN-42'] }, () => {
  let scoring: ZxcvbnScoring
  beforeAll(async () => {
    scoring = await ZxcvbnScoring.load()
  })

  test('the observer gets the time each password waited and was scored', async () => {
    const observe = vi.fn()
    const threads = new TaskThreads<ScoringTasks>({ module: obedient })
    const strength = new ZxcvbnPasswordStrength({ threads, observe })
    await strength.objection('any password' as NewPassword, [], share)
    expect(observe).toHaveBeenCalledExactlyOnceWith(expect.any(Number), expect.any(Number))
  })

  test.each([
    ['password123', []],
    ['Vraxolde2025!', []],
    ['marianne_k1984', ['marianne_k', 'mk.smith@example.org']],
    ['vraxoldekqzvwp', ['kqzvwp']],
    ['correct horse battery staple', ['marianne_k']],
    ['ääääääää', []],
  ])('the thread gives %s the same verdict as a call', async (typed, personal) => {
    const service = ['Vraxolde', 'talk.example.org']
    const password = parseNewPassword(typed, 8)
    const strength = new ZxcvbnPasswordStrength({ serviceNames: service })
    const inThread = await strength.objection(password, personal, share)
    const called = scoring.objection(password, { personal, service })
    expect(inThread && { code: inThread.code, message: inThread.message }).toEqual(called)
  })

  test('the thread of the event loop never loads what scores passwords', async () => {
    const module = new URL('../../../src/infrastructure/crypto/zxcvbn-password-strength.ts', import.meta.url)
    const lines = `
      const { registerHooks } = require('node:module')
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      import('${module.href}').then(async ({ ZxcvbnPasswordStrength }) => {
        const { code } = await new ZxcvbnPasswordStrength().objection('password123', [], ['somebody'])
        console.log(JSON.stringify({ code, loaded }))
      })`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', lines])
    const { code, loaded } = JSON.parse(stdout) as { code: string; loaded: string[] }
    expect(code).toBe('too_common')
    expect(loaded).toContain(module.href)
    expect(loaded.filter((url) => /zxcvbn-ts|zxcvbn-scoring|breached-passwords/.test(url))).toEqual([])
  })

  test('passwords are scored one after another, and each gets its own verdict', async () => {
    const objection = obey()
    const orders = Array.from({ length: 20 }, (_, n) => `password ${n}`)
    const found = await Promise.all(orders.map(objection))
    expect(found.map((each) => each?.message)).toEqual(orders)
  })

  test('a password is refused as overloaded while the queue is full', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const objection = obey({ queueLimit: 1, longestRunMs: 5_000 })
    const stalled = expect(objection('stall')).rejects.toMatchObject(overloaded)
    const waiting = objection('password')
    await expect(objection('one too many')).rejects.toMatchObject(overloaded)
    // The stalled task is ended after the longest run, and the password that waited has its turn.
    await vi.advanceTimersByTimeAsync(5_000)
    await stalled
    expect((await waiting)?.message).toBe('password')
  })

  test('a password that takes too long is refused with its cause', async () => {
    await expect(obey({ longestRunMs: 1 })('stall')).rejects.toMatchObject({
      ...overloaded,
      cause: new Error('A worker thread had no result within 1 ms.'),
    })
  })

  test('a thread that dies while it scores fails that request only, and is replaced', async () => {
    const objection = obey()
    const [failed, next] = [objection('exit'), objection('password')]
    await expect(failed).rejects.toMatchObject({
      ...overloaded,
      cause: new Error('A worker thread ended with code 3.'),
    })
    expect((await next)?.message).toBe('password')
  })

  test('a thread that cannot load its dictionaries stops the start', async () => {
    const module = new URL('data:text/javascript,throw new Error("a package is missing")')
    const threads = new TaskThreads<ScoringTasks>({ module })
    await expect(new ZxcvbnPasswordStrength({ threads }).load()).rejects.toMatchObject({
      cause: expect.objectContaining({ message: 'a package is missing' }) as Error,
    })
  })
})
