import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { UnstarvedThreads } from '../../../src/infrastructure/crypto/unstarved-threads.ts'

/**
 * A thread that returns its priority: `low` or `usual`. At low priority it does what its task says: it hashes all the time
 * with a twentieth of a processor, or never ends.
 */
const reporting = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from 'node:worker_threads'
    parentPort.on('message', ({ input: [order] }) => {
      if (order === 'stall' && workerData.isLow) return
      const processorMs = order === 'starve' && workerData.isLow ? 5 : 90
      const output = workerData.isLow ? 'low' : 'usual'
      parentPort.postMessage({ output, took: { elapsedMs: 100, processorMs } })
    })`)}`,
)

/** Time passes only when the test says so. Workers need the real timers of Node.js, which are not these. */
function heldTime(): { pass: (ms: number) => Promise<unknown> } {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  return { pass: (ms) => vi.advanceTimersByTimeAsync(ms) }
}

describe('hashing beside other programs', () => {
  test('hashing stays at low priority while it makes progress', { tags: ['SIGN-IN-41'] }, async () => {
    heldTime()
    const threads = new UnstarvedThreads(reporting)
    for (let n = 0; n < 20; n += 1) expect(await threads.run('argon2Hash', 'go')).toBe('low')
    expect(threads.isStarved).toBe(false)
  })

  test(
    'hashing that gets little of the processor goes on at the usual priority',
    { tags: ['SIGN-IN-41'] },
    async () => {
      const { pass } = heldTime()
      const threads = new UnstarvedThreads(reporting)
      expect(await threads.run('argon2Hash', 'starve')).toBe('low')
      expect(threads.isStarved).toBe(true)
      expect(await threads.run('argon2Hash', 'starve')).toBe('usual')
      await pass(29_999)
      expect(await threads.run('argon2Hash', 'starve')).toBe('usual')
      await pass(1)
      expect(await threads.run('argon2Hash', 'go')).toBe('low')
      expect(threads.isStarved).toBe(false)
    },
  )

  test('one slow hash among many does not change the priority', async () => {
    heldTime()
    const threads = new UnstarvedThreads(reporting)
    const outputs: string[] = []
    for (const order of ['go', 'go', 'starve', 'go', 'starve', 'go']) {
      outputs.push(await threads.run('argon2Hash', order))
    }
    expect(new Set(outputs)).toEqual(new Set(['low']))
  })

  test(
    'a hash without any progress is repeated at the usual priority',
    { tags: ['SIGN-IN-41'] },
    async () => {
      const { pass } = heldTime()
      const threads = new UnstarvedThreads(reporting)
      const stalled = threads.run('argon2Hash', 'stall')
      await pass(1_000)
      expect(await stalled).toBe('usual')
      // The first attempt never ends, so no time brings the low priority back.
      await pass(60_000)
      expect(threads.isStarved).toBe(true)
      expect(await threads.run('argon2Hash', 'stall')).toBe('usual')
    },
  )
})
