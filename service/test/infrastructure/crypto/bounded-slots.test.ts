import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ApplicationError } from '../../../src/application/errors.ts'
import { BoundedSlots } from '../../../src/infrastructure/crypto/bounded-slots.ts'

/** Tasks that end on command, and a record of the order in which they began. */
class Tasks {
  readonly begun: number[] = []
  readonly #ends = new Map<number, PromiseWithResolvers<string>>()

  readonly task = (id: number) => (): Promise<string> => {
    this.begun.push(id)
    return this.#endOf(id).promise
  }

  end(id: number): void {
    this.#endOf(id).resolve(`task ${id}`)
  }

  fail(id: number): void {
    this.#endOf(id).reject(new Error(`task ${id} failed`))
  }

  #endOf(id: number): PromiseWithResolvers<string> {
    const end = this.#ends.get(id) ?? Promise.withResolvers<string>()
    this.#ends.set(id, end)
    return end
  }
}

const limits = { slots: 2, queueLimit: 2, retryAfterSeconds: 3 }
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('bounded slots', () => {
  test('bounded slots report how many tasks run and wait, and the times of each task', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const tasks = new Tasks()
    const observed: [number, number][] = []
    const slots = new BoundedSlots({
      ...limits,
      observe: (waitedMs, ranMs) => observed.push([waitedMs, ranMs]),
    })
    const responses = [1, 2, 3].map((id) => slots.run(tasks.task(id)))
    await settled()
    expect(slots.load).toEqual({ running: 2, waiting: 1 })
    expect(observed).toEqual([])
    vi.advanceTimersByTime(40)
    tasks.fail(1)
    await expect(responses[0]).rejects.toThrow('task 1 failed')
    vi.advanceTimersByTime(20)
    tasks.end(2)
    tasks.end(3)
    await Promise.all(responses.slice(1))
    expect(slots.load).toEqual({ running: 0, waiting: 0 })
    expect(observed).toEqual([
      [0, 40],
      [0, 60],
      [40, 20],
    ])
  })

  test('only a task that waited too long for a slot is refused', { tags: ['SIGN-IN-3'] }, async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, longestWaitMs: 1_000 })
    const responses = [1, 2, 3].map((id) => slots.run(tasks.task(id)))
    await vi.advanceTimersByTimeAsync(600)
    const late = slots.run(tasks.task(4))
    const [running, , refused] = responses
    const refusal = expect(refused).rejects.toMatchObject({
      code: 'overloaded',
      details: { retryAfterSeconds: 3 },
    })
    await vi.advanceTimersByTimeAsync(400)
    await refusal
    expect(slots.load).toEqual({ running: 2, waiting: 1 })

    tasks.end(1)
    expect(await running).toBe('task 1')
    await settled()
    expect(tasks.begun).toEqual([1, 2, 4])
    await vi.advanceTimersByTimeAsync(5_000)
    tasks.end(2)
    tasks.end(4)
    expect(await late).toBe('task 4')
    await responses[1]
    expect(slots.load).toEqual({ running: 0, waiting: 0 })
  })

  test('bounded slots run as many tasks as there are slots, and the others wait', async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots(limits)
    const responses = [1, 2, 3, 4].map((id) => slots.run(tasks.task(id)))
    await settled()
    expect(tasks.begun).toEqual([1, 2])
    tasks.end(2)
    await settled()
    expect(tasks.begun).toEqual([1, 2, 3])
    for (const id of [1, 3, 4]) tasks.end(id)
    expect(await Promise.all(responses)).toEqual(['task 1', 'task 2', 'task 3', 'task 4'])
  })

  test('a task is refused immediately if the queue for a slot is full', async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots(limits)
    const accepted = [1, 2, 3, 4].map((id) => slots.run(tasks.task(id)))
    const refused: unknown = await slots.run(tasks.task(5)).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ApplicationError)
    expect(refused).toMatchObject({ code: 'overloaded', details: { retryAfterSeconds: 3 } })
    for (const id of [1, 2, 3, 4]) tasks.end(id)
    await Promise.all(accepted)
    expect(tasks.begun).toEqual([1, 2, 3, 4])
  })

  test('a task of a small share displaces one of a large share', { tags: ['SIGN-IN-40'] }, async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, slots: 1 })
    const greedy = [1, 2, 3].map((id) => slots.run(tasks.task(id), ['flood']))
    const quiet = slots.run(tasks.task(4), ['quiet'])
    await expect(greedy[2]).rejects.toMatchObject({ code: 'overloaded', details: { retryAfterSeconds: 3 } })
    await expect(slots.run(tasks.task(5), ['flood'])).rejects.toMatchObject({ code: 'overloaded' })
    for (const id of [1, 2, 4]) tasks.end(id)
    expect(await quiet).toBe('task 4')
    await Promise.all(greedy.slice(0, 2))
    expect(tasks.begun).toEqual([1, 2, 4])
    expect(slots.load).toEqual({ running: 0, waiting: 0 })
  })

  test('shares take turns for a free slot', { tags: ['SIGN-IN-40'] }, async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, slots: 1, queueLimit: 9 })
    const shares = [['flood'], ['flood'], ['flood'], ['quiet'], ['flood']]
    const responses = shares.map((share, at) => slots.run(tasks.task(at), share))
    for (let id = 0; id < shares.length; id += 1) tasks.end(id)
    await Promise.all(responses)
    expect(tasks.begun).toEqual([0, 1, 3, 2, 4])
  })

  test('a task that was displaced keeps no timer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, slots: 1, longestWaitMs: 1_000 })
    const greedy = [1, 2, 3].map((id) => slots.run(tasks.task(id), ['flood']))
    const quiet = slots.run(tasks.task(4), ['quiet'])
    await expect(greedy[2]).rejects.toMatchObject({ code: 'overloaded' })
    expect(vi.getTimerCount()).toBe(2)
    for (const id of [1, 2, 4]) tasks.end(id)
    await Promise.all([...greedy.slice(0, 2), quiet])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('only a share that is refused in each case has no room', { tags: ['SIGN-IN-40'] }, async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, slots: 1 })
    const responses = [1, 2, 3].map((id) => slots.run(tasks.task(id), ['strangers', 'flood']))
    const asking =
      (...shares: string[][]) =>
      () =>
        slots.requireCapacity(shares)
    asking(['known', 'quiet'], ['strangers', 'quiet'])()
    // Its tasks wait already, so it is not a known one.
    expect(asking(['known', 'flood'], ['strangers', 'flood'])).toThrow(ApplicationError)
    expect(asking(['strangers', 'flood'])).toThrow(ApplicationError)
    asking(['strangers', 'quiet'])()
    const quiet = slots.run(tasks.task(4), ['strangers', 'quiet'])
    await expect(responses[2]).rejects.toMatchObject({ code: 'overloaded' })
    expect(asking(['strangers', 'another'])).toThrow(ApplicationError)
    asking(['known', 'another'], ['strangers', 'another'])()
    for (const id of [1, 2, 4]) tasks.end(id)
    await Promise.all([...responses.slice(0, 2), quiet])
  })

  test('asking whether there is room takes no slot', async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, slots: 1, queueLimit: 1 })
    const askOften = () => {
      for (let n = 0; n < 5; n += 1) slots.requireCapacity()
    }
    askOften()
    const first = slots.run(tasks.task(1))
    askOften()
    const second = slots.run(tasks.task(2))
    expect(askOften).toThrow(ApplicationError)
    tasks.end(1)
    await first
    askOften()
    tasks.end(2)
    await second
  })

  test('bounded slots accept tasks again once there is room', async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, slots: 1, queueLimit: 0 })
    const first = slots.run(tasks.task(1))
    await expect(slots.run(tasks.task(2))).rejects.toMatchObject({ code: 'overloaded' })
    tasks.end(1)
    await first
    const third = slots.run(tasks.task(3))
    tasks.end(3)
    expect(await third).toBe('task 3')
  })

  test('a task that arrives as a slot becomes free queues behind the waiting ones', async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, slots: 1 })
    const first = slots.run(tasks.task(1))
    const second = slots.run(tasks.task(2))
    const third = first.then(() => slots.run(tasks.task(3)))
    await settled()
    tasks.end(1)
    await settled()
    expect(tasks.begun).toEqual([1, 2])
    tasks.end(2)
    await settled()
    expect(tasks.begun).toEqual([1, 2, 3])
    tasks.end(3)
    await Promise.all([second, third])
  })

  test('a failed task frees its slot, and its caller gets the error', async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, slots: 1 })
    const failing = slots.run(tasks.task(1))
    const throwing = slots.run(() => {
      throw new Error('threw before its first promise')
    })
    const next = slots.run(tasks.task(3))
    tasks.fail(1)
    await expect(failing).rejects.toThrow('task 1 failed')
    await expect(throwing).rejects.toThrow('threw before')
    await settled()
    tasks.end(3)
    expect(await next).toBe('task 3')
  })
})
