import { expect, test, vi } from 'vitest'
import { runInBatches } from '../../../src/infrastructure/process/run-in-batches.ts'

/** Work of so many rows, which is done in batches. */
function backlog(rows: number) {
  let left = rows
  const batch = vi.fn((limit: number) => {
    const done = Math.min(left, limit)
    left -= done
    return Promise.resolve(done)
  })
  return { batch, left: () => left }
}

const pause = vi.fn(() => Promise.resolve())
const options = () => ({ limit: 500, signal: new AbortController().signal, pause })

test('a clean-up with more rows than before goes on until nothing is left', async () => {
  const { batch, left } = backlog(1_000_001)
  await runInBatches([batch], options())
  expect(left()).toBe(0)
  expect(batch).toHaveBeenCalledTimes(2_001)
})

test('the clean-up pauses after each round that is not the last', async () => {
  pause.mockClear()
  await runInBatches([backlog(1_500).batch, backlog(10).batch], options())
  expect(pause).toHaveBeenCalledTimes(3)
})

test('a long backlog of one table does not hold up the clean-up of others', async () => {
  const [long, short] = [backlog(5_000), backlog(700)]
  const shortWasDoneAt: number[] = []
  await runInBatches([long.batch, short.batch], {
    ...options(),
    pause: () => {
      if (short.left() === 0) shortWasDoneAt.push(long.left())
      return Promise.resolve()
    },
  })
  expect(shortWasDoneAt[0]).toBe(4_000)
  expect(short.batch).toHaveBeenCalledTimes(2)
})

test('a clean-up that is stopped begins no further batch', async () => {
  const stop = new AbortController()
  const { batch, left } = backlog(5_000)
  const stopInPause = (): Promise<void> => {
    stop.abort()
    return Promise.resolve()
  }
  await runInBatches([batch], { ...options(), signal: stop.signal, pause: stopInPause })
  expect(left()).toBe(4_500)
})
