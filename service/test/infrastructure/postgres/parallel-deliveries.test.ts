// Instances that deliver in parallel, so only on PostgreSQL. TEST_SEED repeats a run.
import { afterEach, beforeEach, describe, expect, onTestFailed, test } from 'vitest'
import { createOutbox } from '../../../src/application/outbox/outbox.ts'
import type { StoredEvent } from '../../../src/application/ports/deliveries.ts'
import { DeliveryFailed, type EventConsumer } from '../../../src/application/ports/event-consumer.ts'
import { userDisabled } from '../../../src/domain/event.ts'
import type { User } from '../../../src/domain/user.ts'
import { PostgresDeliveries } from '../../../src/infrastructure/postgres/postgres-deliveries.ts'
import { addUser, inTransaction } from '../../contracts/store.ts'
import { aBan, at } from '../../support/builders.ts'
import { seededRandom, type SeededRandom } from '../../support/seeded-random.ts'
import { openOnServer, type PostgresStore } from './open-store.ts'

let store: PostgresStore
beforeEach(async () => {
  store = await openOnServer()
})
afterEach(() => store.close())

const numberOf = ({ data }: StoredEvent) => Number((data as { reason: string }).reason)

/** The events that a consumer got from all instances, by user. */
class Receiver implements EventConsumer {
  readonly name: string
  readonly acknowledged = new Map<number, number[]>()
  readonly violations: string[] = []
  readonly #inFlight = new Set<number>()
  readonly #random: SeededRandom

  constructor(name: string, random: SeededRandom) {
    this.name = name
    this.#random = random
  }

  wants = () => true

  async receive(event: StoredEvent): Promise<void> {
    const { userId } = event
    if (this.#inFlight.has(userId)) this.violations.push(`two in parallel for ${userId}`)
    this.#inFlight.add(userId)
    const turns = this.#random.below(4)
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
    this.#inFlight.delete(userId)
    if (this.#random.isTrue(0.2)) throw new DeliveryFailed('responded with 500')
    const seen = this.acknowledged.get(userId) ?? []
    this.acknowledged.set(userId, [...seen, numberOf(event)])
    if (this.#random.isTrue(0.1)) throw new DeliveryFailed('the response was lost')
  }
}

describe('several instances', () => {
  test('several instances deliver each user’s events in order, and lose none if calls fail', async () => {
    const random = seededRandom()
    onTestFailed(() => console.log(`TEST_SEED=${random.seed}`))
    const people: User[] = []
    for (const name of ['anna', 'bert', 'carl', 'dora', 'emil']) people.push(await addUser(store, name))
    const receivers = ['a', 'b'].map((name) => new Receiver(name, random))
    let seconds = 0
    // Some deliveries die, and some claims are never released, as when a process is killed.
    const failing = new Proxy(new PostgresDeliveries(store.db), {
      get: (target, name: keyof PostgresDeliveries) => {
        const method = target[name].bind(target) as (...input: unknown[]) => Promise<unknown>
        return (...input: unknown[]) => {
          const isLost = ['acknowledge', 'postpone'].includes(name) && random.isTrue(0.1)
          return isLost ? Promise.reject(new Error('killed')) : method(...input)
        }
      },
    })
    const deps = { deliveries: failing, clock: { now: () => at(seconds) }, report: () => undefined }
    const instances = [1, 2, 3].map(() =>
      createOutbox({ ...deps, consumers: receivers, chance: () => random.below(100) / 100 }),
    )
    const counts = new Map<number, number>()
    const happen = async (): Promise<void> => {
      const person = random.pick(people)
      await inTransaction(store, async (tx) => {
        await tx.users.lock(person.id)
        const count = (counts.get(person.id) ?? 0) + 1
        counts.set(person.id, count)
        await tx.outbox.add([userDisabled(person.id, aBan({ reason: String(count), since: at(seconds) }))])
      })
    }
    for (let round = 0; round < 12; round += 1) {
      const writes = Array.from({ length: 8 }, happen)
      await Promise.all([...writes, ...instances.map((instance) => instance.settle())])
      seconds += 20
    }
    for (let round = 0; (await store.events()).length > 0 && round < 200; round += 1) {
      seconds += 3600
      await Promise.all(instances.map((instance) => instance.settle()))
    }
    expect(await store.events()).toEqual([])
    for (const { violations, acknowledged } of receivers) {
      expect(violations).toEqual([])
      for (const { id } of people) {
        // Some events come twice, because acknowledgements were lost, but none after a later one.
        const seen = acknowledged.get(id) ?? []
        expect(seen).toEqual(seen.toSorted((a, b) => a - b))
        expect([...new Set(seen)]).toEqual(Array.from({ length: counts.get(id) ?? 0 }, (_, n) => n + 1))
      }
    }
  }, 120_000)

  test('several instances miss no event that is committed late with an earlier id', async () => {
    const [anna, bert] = [await addUser(store, 'anna'), await addUser(store, 'bert')]
    const written = Promise.withResolvers<undefined>()
    const mayCommit = Promise.withResolvers<undefined>()
    const late = inTransaction(store, async (tx) => {
      await tx.users.lock(anna.id)
      await tx.outbox.add([userDisabled(anna.id, aBan({ reason: '1', since: at(0) }))])
      written.resolve(undefined)
      await mayCommit.promise
    })
    await written.promise
    await inTransaction(store, (tx) =>
      tx.outbox.add([userDisabled(bert.id, aBan({ reason: '2', since: at(0) }))]),
    )
    const seen: number[] = []
    const dispatch = () =>
      store.deliveries.dispatch(
        (event) => {
          seen.push(numberOf(event))
          return []
        },
        { now: at(0), limit: 10 },
      )
    expect(await dispatch()).toBe(1)
    mayCommit.resolve(undefined)
    await late
    expect(await dispatch()).toBe(1)
    expect(seen).toEqual([2, 1])
  })

  test('instances that dispatch in parallel dispatch each event once and keep each user’s order', async () => {
    const anna = await addUser(store, 'anna')
    for (let number = 1; number <= 30; number += 1) {
      await inTransaction(store, (tx) =>
        tx.outbox.add([userDisabled(anna.id, aBan({ reason: String(number), since: at(0) }))]),
      )
    }
    const dispatch = () => store.deliveries.dispatch(() => ['a'], { now: at(0), limit: 7 })
    const taken = await Promise.all(Array.from({ length: 8 }, dispatch))
    expect(taken.reduce((sum, each) => sum + each, 0)).toBe(30)
    const { rows } = await store.pool.query<{ reason: string }>(
      "select outbox.data->>'reason' as reason from deliveries join outbox on outbox.id = outbox_id order by deliveries.id",
    )
    expect(rows.map(({ reason }) => Number(reason))).toEqual(Array.from({ length: 30 }, (_, n) => n + 1))
  })
})
