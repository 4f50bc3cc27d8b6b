import { describe, expect, test } from 'vitest'
import type { DeliveryNews } from '../../../src/application/outbox/deliver-events.ts'
import { createOutbox } from '../../../src/application/outbox/outbox.ts'
import type { StoredEvent } from '../../../src/application/ports/deliveries.ts'
import { DeliveryFailed, type EventConsumer } from '../../../src/application/ports/event-consumer.ts'
import { ATTEMPTS_AT_MOST, LONGEST_WAIT_SECONDS } from '../../../src/domain/delivery.ts'
import { userDisabled } from '../../../src/domain/event.ts'
import type { User } from '../../../src/domain/user.ts'
import { addUser, inTransaction } from '../../contracts/store.ts'
import { FakeDeliveries } from '../../fakes/fake-deliveries.ts'
import { createFakeStore } from '../../fakes/fake-store.ts'
import { at, DAY, HOUR } from '../../support/builders.ts'

class FakeConsumer implements EventConsumer {
  readonly name: string
  /** What it acknowledged: who, and the reason. */
  readonly received: [number, string][] = []
  attempts = 0
  /** Throws to refuse. */
  answer: (event: StoredEvent) => Promise<void> | void = () => undefined

  constructor(name: string) {
    this.name = name
  }

  wants = () => true

  async receive(event: StoredEvent): Promise<void> {
    this.attempts += 1
    await this.answer(event)
    this.received.push([event.userId, (event.data as { reason: string }).reason])
  }
}

const refuse = (): never => {
  throw new DeliveryFailed('answered 500')
}

async function anOutbox(names: readonly string[] = ['a']) {
  const store = createFakeStore()
  const deliveries = new FakeDeliveries(store)
  let seconds = 0
  const clock = { now: () => at(seconds) }
  const news: DeliveryNews[] = []
  const consumers = names.map((name) => new FakeConsumer(name))
  const deps = { deliveries, clock, chance: () => 0, tell: (each: DeliveryNews) => news.push(each) }
  const outbox = createOutbox({ ...deps, consumers })
  const [consumer = new FakeConsumer('nobody')] = consumers
  const people: User[] = []
  for (const name of ['anna', 'bert', 'carl', 'dora', 'emil', 'frida'])
    people.push(await addUser(store, name))
  return {
    ...{ store, deliveries, outbox, consumer, consumers, deps, people, news },
    kinds: () => news.map(({ kind }) => kind),
    happened: async (person: number, ...reasons: string[]) => {
      const user = people[person]
      if (user === undefined) throw new Error('there is no such person')
      for (const reason of reasons) {
        await inTransaction(store, (tx) => tx.outbox.add([userDisabled(user, reason, clock.now())]))
      }
    },
    /** Lets the time go by, with a look at what is due now and then. */
    pass: async (more: number, step = more) => {
      for (const end = seconds + more; seconds < end;) {
        seconds += step
        await outbox.settle()
      }
    },
    dead: () => deliveries.list({ state: 'dead', consumer: undefined, limit: 100, after: undefined }),
    waiting: () => deliveries.list({ state: 'waiting', consumer: undefined, limit: 100, after: undefined }),
  }
}

describe('delivering', () => {
  test('brings each person their events in order, to every consumer', async () => {
    const { outbox, consumers, happened, people, store } = await anOutbox(['a', 'b'])
    await happened(0, '1', '2')
    await happened(1, '3')
    await happened(0, '4')
    await outbox.settle()
    for (const { received } of consumers) {
      expect(received.filter(([id]) => id === people[0]?.id).map(([, reason]) => reason)).toEqual([
        '1',
        '2',
        '4',
      ])
      expect(received.filter(([id]) => id === people[1]?.id).map(([, reason]) => reason)).toEqual(['3'])
    }
    expect(store.world().events).toHaveLength(4)
  })

  test('brings a consumer nothing that it does not want', async () => {
    const { outbox, consumer, happened, waiting } = await anOutbox()
    Object.assign(consumer, {
      wants: (event: StoredEvent) => (event.data as { reason: string }).reason === '2',
    })
    await happened(0, '1', '2', '3')
    await outbox.settle()
    expect(consumer.received.map(([, reason]) => reason)).toEqual(['2'])
    expect(await waiting()).toEqual([])
  })

  test('a consumer that never answers delays no other one, nor whoever commits', async () => {
    const { outbox, consumers, happened, people } = await anOutbox(['stuck', 'well'])
    const [stuck, well] = consumers
    const release = Promise.withResolvers<undefined>()
    const delivered = Promise.withResolvers<undefined>()
    Object.assign(stuck ?? {}, { answer: () => release.promise })
    Object.assign(well ?? {}, { answer: () => delivered.resolve(undefined) })
    await happened(0, '1')
    outbox.wake()
    await delivered.promise
    await outbox.advance()
    expect(stuck?.received).toEqual([])
    release.resolve(undefined)
    await outbox.stop()
    expect(stuck?.received).toEqual([[people[0]?.id, '1']])
  })

  test('people whose deliveries get no answer hold nobody else up', async () => {
    const { outbox, consumer, happened, people } = await anOutbox()
    const release = Promise.withResolvers<undefined>()
    const delivered = Promise.withResolvers<undefined>()
    consumer.answer = ({ userId }) => {
      if (userId !== people[5]?.id) return release.promise
      delivered.resolve(undefined)
      return undefined
    }
    for (const person of [0, 1, 2, 3, 4]) await happened(person, 'stuck')
    await happened(5, 'well')
    outbox.wake()
    await delivered.promise
    release.resolve(undefined)
    await outbox.stop()
  })

  test('what was stopped is delivered by the next that starts, once the claim has run out', async () => {
    const { outbox, deps, consumers, consumer, happened, pass } = await anOutbox()
    consumer.answer = () => {
      throw new Error('the process dies here')
    }
    await happened(0, '1')
    // A claim without an end, as a process leaves it that is killed.
    await outbox.advance()
    await outbox.stop()
    consumer.answer = () => undefined
    await pass(60)
    const next = createOutbox({ ...deps, consumers })
    await next.settle()
    expect(consumer.received.map(([, reason]) => reason)).toEqual(['1'])
  })

  test('takes nothing more once it is stopped', async () => {
    const { outbox, consumer, happened } = await anOutbox()
    await outbox.stop()
    await happened(0, '1')
    await outbox.settle()
    expect(consumer.attempts).toBe(0)
  })
})

describe('a delivery that fails', () => {
  test('is tried again after 5, 10, 20 seconds, and then the ones behind it', async () => {
    const { outbox, consumer, happened, pass, kinds, waiting } = await anOutbox()
    consumer.answer = refuse
    await happened(0, '1', '2')
    await outbox.settle()
    const attempts: number[] = []
    for (let second = 1; second <= 40; second += 1) {
      const before = consumer.attempts
      await pass(1)
      if (consumer.attempts > before) attempts.push(second)
    }
    expect(attempts).toEqual([5, 15, 35])
    expect(await waiting()).toMatchObject([{ lastError: 'answered 500', attempts: 4 }, { attempts: 0 }])
    consumer.answer = () => undefined
    await pass(60)
    expect(consumer.received.map(([, reason]) => reason)).toEqual(['1', '2'])
    expect(kinds()).toEqual(['failed', 'failed', 'failed', 'failed'])
  })

  test('shows operators no words but those made for them', async () => {
    const { outbox, consumer, happened, waiting, news } = await anOutbox()
    const failure = new Error('password hunter2')
    consumer.answer = () => {
      throw failure
    }
    await happened(0, '1')
    await outbox.settle()
    expect(await waiting()).toMatchObject([{ lastError: 'the delivery failed on our side' }])
    expect(news).toContainEqual({ kind: 'interrupted', consumer: 'a', cause: failure })
  })

  test('holds up its own person alone, even when it never succeeds, and is a dead letter in the end', async () => {
    const { outbox, consumer, happened, pass, people, dead, kinds } = await anOutbox()
    consumer.answer = ({ data }) => {
      if ((data as { reason: string }).reason === 'poison') refuse()
    }
    await happened(0, 'poison', 'behind it')
    await outbox.settle()
    for (let day = 0; day < 4; day += 1) {
      await happened(1, `day ${day}`)
      await pass(DAY, HOUR)
    }
    const annas = consumer.received.filter(([id]) => id === people[0]?.id)
    expect(consumer.received.filter(([id]) => id === people[1]?.id)).toHaveLength(4)
    expect(annas).toEqual([[people[0]?.id, 'behind it']])
    expect(await dead()).toMatchObject([{ attempts: ATTEMPTS_AT_MOST, lastError: 'answered 500' }])
    expect(kinds().filter((kind) => kind === 'dead')).toHaveLength(1)
    expect(kinds()).not.toContain('paused')
  })
})

describe('a consumer that is away', () => {
  test('is left alone after five people, asked now and then by one, and told everything when it is back', async () => {
    const { outbox, consumer, happened, pass, kinds, people } = await anOutbox()
    consumer.answer = refuse
    for (const person of [0, 1, 2, 3, 4, 5]) await happened(person, '1', '2')
    await outbox.settle()
    expect(kinds()).toContain('paused')
    const before = consumer.attempts
    await pass(600, 1)
    // 5, 10, 20, 40, 80, 120 … seconds apart, one at a time.
    expect(consumer.attempts - before).toBe(8)
    await pass(6 * HOUR, 10)
    consumer.answer = () => undefined
    // Whoever is tried first finds the consumer back, and nobody else waits out the hour.
    for (let seconds = 0; seconds < HOUR && !kinds().includes('resumed'); seconds += 1) await pass(1)
    await outbox.settle()
    expect(kinds().filter((kind) => kind === 'resumed')).toHaveLength(1)
    for (const { id } of people) {
      expect(consumer.received.filter(([user]) => user === id)).toEqual([
        [id, '1'],
        [id, '2'],
      ])
    }
  })

  test('for more than three days is given up for what waited so long, tried or not; newer events go on', async () => {
    const { outbox, consumer, happened, pass, dead, waiting, news } = await anOutbox()
    consumer.answer = refuse
    for (const person of [0, 1, 2, 3, 4, 5]) await happened(person, '1', '2')
    await outbox.settle()
    await pass(DAY, 60)
    expect(await dead()).toEqual([])
    await pass(LONGEST_WAIT_SECONDS - DAY - HOUR, 60)
    await happened(0, 'new')
    await pass(8 * HOUR, 60)
    const errors = (await dead()).map(({ lastError, attempts }) => [lastError, attempts > 0])
    expect(errors.filter(([error]) => error === 'the consumer was away for too long').length).toBeGreaterThan(
      5,
    )
    expect(errors).toHaveLength(12)
    expect(news.map(({ kind }) => kind)).toContain('given-up')
    expect(await waiting()).toHaveLength(1)
    consumer.answer = () => undefined
    await pass(6 * HOUR, 60)
    expect(consumer.received.map(([, reason]) => reason)).toEqual(['new'])
  })
})

describe('the clean-up', () => {
  test('removes events that nobody is told of when there are no consumers', async () => {
    const { outbox, deliveries, happened } = await anOutbox([])
    await happened(0, '1')
    await outbox.advance()
    expect(deliveries.isGone(0)).toBe(false)
    await outbox.cleanUp(10)
    expect(deliveries.isGone(0)).toBe(true)
  })

  test('removes dead letters after a week', async () => {
    const { outbox, deliveries, happened, pass, dead } = await anOutbox()
    await happened(0, '1')
    await deliveries.dispatch(() => ['a'], { now: at(0), limit: 10 })
    const [claimed] = await deliveries.claim('a', { now: at(0), limit: 1, seconds: 1 })
    if (claimed === undefined) throw new Error('it was due')
    await deliveries.giveUp(claimed, { now: at(0), error: 'x' })
    await pass(7 * DAY)
    expect(await outbox.cleanUp(10)).toBe(0)
    expect(await dead()).toHaveLength(1)
    await pass(1)
    expect(await outbox.cleanUp(10)).toBe(1)
    expect(await dead()).toEqual([])
  })

  test('gives up what waits for a consumer that is in no settings any more, after three days', async () => {
    const { deps, deliveries, happened, pass, dead, waiting } = await anOutbox(['a'])
    await happened(0, '1')
    await deliveries.dispatch(() => ['gone'], { now: at(0), limit: 10 })
    const outbox = createOutbox({ ...deps, consumers: [new FakeConsumer('a')] })
    await pass(LONGEST_WAIT_SECONDS)
    await outbox.cleanUp(10)
    expect(await waiting()).toHaveLength(1)
    await pass(1)
    await outbox.cleanUp(10)
    expect(await waiting()).toEqual([])
    expect(await dead()).toMatchObject([{ consumer: 'gone', lastError: 'the consumer is in no settings' }])
  })
})
