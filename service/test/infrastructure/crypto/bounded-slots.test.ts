import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ApplicationError } from '../../../src/application/errors.ts'
import { BoundedSlots } from '../../../src/infrastructure/crypto/bounded-slots.ts'

/** Tasks that end when told to, and a record of the order in which they began. */
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
  test('say how many run and wait, and how long each took once it is over', async () => {
    const tasks = new Tasks()
    const told: [number, number][] = []
    const slots = new BoundedSlots({ ...limits, observe: (waitedMs, ranMs) => told.push([waitedMs, ranMs]) })
    const answers = [1, 2, 3].map((id) => slots.run(tasks.task(id)))
    await settled()
    expect(slots.load).toEqual({ running: 2, waiting: 1 })
    expect(told).toEqual([])
    tasks.fail(1)
    await expect(answers[0]).rejects.toThrow('task 1 failed')
    tasks.end(2)
    tasks.end(3)
    await Promise.all(answers.slice(1))
    expect(slots.load).toEqual({ running: 0, waiting: 0 })
    expect(told).toHaveLength(3)
    const [waited, waitedInQueue] = [told[0]?.[0] ?? NaN, told[2]?.[0] ?? NaN]
    expect(waitedInQueue).toBeGreaterThan(waited)
  })

  test('refuse whoever has waited too long, and no one else', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, longestWaitMs: 1_000 })
    const answers = [1, 2, 3].map((id) => slots.run(tasks.task(id)))
    await vi.advanceTimersByTimeAsync(600)
    const late = slots.run(tasks.task(4))
    const [running, , refused] = answers
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
    await answers[1]
    expect(slots.load).toEqual({ running: 0, waiting: 0 })
  })

  test('run as many tasks as there are slots and let the others wait', async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots(limits)
    const answers = [1, 2, 3, 4].map((id) => slots.run(tasks.task(id)))
    await settled()
    expect(tasks.begun).toEqual([1, 2])
    tasks.end(2)
    await settled()
    expect(tasks.begun).toEqual([1, 2, 3])
    for (const id of [1, 3, 4]) tasks.end(id)
    expect(await Promise.all(answers)).toEqual(['task 1', 'task 2', 'task 3', 'task 4'])
  })

  test('refuse at once what finds the queue full, without running it', async () => {
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

  test('say whether there is room without taking it', async () => {
    const tasks = new Tasks()
    const slots = new BoundedSlots({ ...limits, slots: 1, queueLimit: 1 })
    const askOften = () => {
      for (let n = 0; n < 5; n += 1) slots.requireRoom()
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

  test('take tasks again once there is room', async () => {
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

  test('keep the order of arrival: who comes as a slot falls free goes behind those who wait', async () => {
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

  test('get the slot of a failed task back, and its failure reaches who asked', async () => {
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
