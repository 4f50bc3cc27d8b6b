import type { Actor } from '../../src/domain/actor.ts'
import { latestDue, LONGEST_WAIT_SECONDS } from '../../src/domain/delivery.ts'
import { userUpdated } from '../../src/domain/event.ts'
import type {
  Announced,
  ClaimedDelivery,
  Deliveries,
  DeliveryQuery,
  ListedDelivery,
  StoredEvent,
} from '../../src/application/ports/deliveries.ts'
import { secondsAfter } from '../../src/domain/session.ts'
import { isDeleted, type UserId } from '../../src/domain/user.ts'
import type { FakeStore } from './fake-store.ts'

interface Row {
  readonly id: number
  readonly consumer: string
  readonly userId: UserId
  /** The index of the event among all events ever added. */
  readonly eventIndex: number
  readonly createdAt: Date
  attempts: number
  lastError: string | undefined
  deadAt: Date | undefined
}

interface Queue {
  dueAt: Date
  claim: string | undefined
}

/** Deliveries in memory, of what a fake store's transactions wrote. Each call is one step. */
export class FakeDeliveries implements Deliveries {
  readonly #store: Pick<FakeStore, 'world'>
  #dispatched = 0
  #lastId = 0
  #lastClaim = 0
  #rows: Row[] = []
  /** By consumer and user. */
  readonly #queues = new Map<string, Queue>()
  readonly #removed = new Set<number>()
  /** Events that were never to be dispatched. */
  readonly #announced = new Set<number>()

  constructor(store: Pick<FakeStore, 'world'>) {
    this.#store = store
  }

  /** Whether a real store would have removed the event with that index. */
  isRemoved(eventIndex: number): boolean {
    return this.#removed.has(eventIndex)
  }

  dispatch(
    consumersOf: (event: StoredEvent) => readonly string[],
    { now, limit }: { now: Date; limit: number },
  ): Promise<number> {
    const end = Math.min(this.#store.world().events.length, this.#dispatched + limit)
    let taken = 0
    for (; this.#dispatched < end; this.#dispatched += 1) {
      const eventIndex = this.#dispatched
      if (this.#announced.has(eventIndex)) continue
      taken += 1
      const event = this.#event(eventIndex)
      for (const consumer of consumersOf(event)) {
        this.#add({ consumer, userId: event.userId, eventIndex, createdAt: now })
      }
      this.#removeIfDone(eventIndex)
    }
    return Promise.resolve(taken)
  }

  claim(
    consumer: string,
    { now, limit, seconds }: { now: Date; limit: number; seconds: number },
  ): Promise<readonly ClaimedDelivery[]> {
    const firsts = new Map<UserId, Row>()
    for (const row of this.#waiting(consumer)) if (!firsts.has(row.userId)) firsts.set(row.userId, row)
    const due = [...firsts.values()].map((row) => ({ row, queue: this.#queue(row) }))
    const claimed = due
      .filter(({ queue }) => queue.dueAt <= now || queue.dueAt > latestDue(now))
      .toSorted((a, b) => +a.queue.dueAt - +b.queue.dueAt)
      .slice(0, limit)
    return Promise.resolve(
      claimed.map(({ row, queue }) => {
        row.attempts += 1
        queue.dueAt = secondsAfter(now, seconds)
        queue.claim = `claim ${(this.#lastClaim += 1)}`
        return {
          id: row.id,
          consumer,
          event: this.#event(row.eventIndex),
          attempts: row.attempts,
          claim: queue.claim,
        }
      }),
    )
  }

  acknowledge({ id, ...claimed }: ClaimedDelivery, now: Date): Promise<void> {
    const row = this.#rows.find((each) => each.id === id)
    this.#rows = this.#rows.filter((each) => each.id !== id)
    if (row !== undefined) this.#removeIfDone(row.eventIndex)
    this.#endClaim(claimed, now)
    return Promise.resolve()
  }

  postpone(
    { id, ...claimed }: ClaimedDelivery,
    { until, error }: { until: Date; error: string },
  ): Promise<void> {
    const row = this.#rows.find((each) => each.id === id)
    if (this.#isOurs(claimed) && row !== undefined) {
      row.lastError = error
      this.#endClaim(claimed, until)
    }
    return Promise.resolve()
  }

  moveToDeadLetters(
    { id, ...claimed }: ClaimedDelivery,
    { now, error }: { now: Date; error: string },
  ): Promise<void> {
    const row = this.#rows.find((each) => each.id === id)
    if (this.#isOurs(claimed) && row !== undefined) {
      Object.assign(row, { deadAt: now, lastError: error })
      this.#endClaim(claimed, now)
    }
    return Promise.resolve()
  }

  resumePostponed(consumer: string, now: Date, limit: number): Promise<number> {
    const postponed = [...this.#queues]
      .filter(
        ([key, { dueAt, claim }]) => key.startsWith(`${consumer} `) && dueAt > now && claim === undefined,
      )
      .slice(0, limit)
    for (const [, queue] of postponed) queue.dueAt = now
    return Promise.resolve(postponed.length)
  }

  hasten(
    consumer: string,
    { userIds, now, attemptsAtMost }: { userIds: readonly UserId[]; now: Date; attemptsAtMost: number },
  ): Promise<number> {
    const hastened = new Set<UserId>()
    for (const userId of userIds) {
      const first = this.#waiting(consumer).find((row) => row.userId === userId)
      const queue = first && this.#queue(first)
      if (queue === undefined || queue.claim !== undefined || first === undefined) continue
      if (first.attempts >= attemptsAtMost) continue
      queue.dueAt = secondsAfter(now, -LONGEST_WAIT_SECONDS)
      hastened.add(userId)
    }
    return Promise.resolve(hastened.size)
  }

  announce(
    consumer: string,
    {
      after = 0 as UserId,
      limit,
      by,
      now,
    }: { after: UserId | undefined; limit: number; by: Actor; now: Date },
  ): Promise<Announced> {
    const { users, events, actors } = this.#store.world()
    const ids = [...users.values()].filter((user) => user.id > after && !isDeleted(user)).map(({ id }) => id)
    const page = ids.toSorted((a, b) => a - b).slice(0, limit)
    const waiting = new Set(this.#waiting(consumer).map(({ userId }) => userId))
    const wanted = page.filter((id) => !waiting.has(id))
    for (const id of wanted) {
      const user = users.get(id)
      if (user === undefined) continue
      const eventIndex = events.push(userUpdated(user, [], now)) - 1
      actors[eventIndex] = by
      this.#announced.add(eventIndex)
      this.#add({ consumer, userId: id, eventIndex, createdAt: now })
    }
    return Promise.resolve({
      count: wanted.length,
      next: page.length < limit ? undefined : page.at(-1),
    })
  }

  moveOldToDeadLetters(
    consumer: string,
    { dispatchedBefore, now, error }: { dispatchedBefore: Date; now: Date; error: string; limit: number },
  ): Promise<number> {
    const old = this.#waiting(consumer).filter((row) => {
      const { claim, dueAt } = this.#queue(row)
      return row.createdAt < dispatchedBefore && (claim === undefined || dueAt <= now)
    })
    for (const row of old) Object.assign(row, { deadAt: now, lastError: error })
    return Promise.resolve(old.length)
  }

  list({ state, consumer, limit, after = 0 }: DeliveryQuery): Promise<readonly ListedDelivery[]> {
    const rows = this.#rows.filter(
      (row) =>
        (row.deadAt === undefined) === (state === 'waiting') &&
        row.id > after &&
        (consumer === undefined || row.consumer === consumer),
    )
    return Promise.resolve(rows.slice(0, limit).map((row) => this.#listed(row)))
  }

  replay(id: number, _by: Actor, now: Date): Promise<boolean> {
    const row = this.#rows.find((each) => each.id === id)
    if (row?.deadAt !== undefined) this.#requeueDead(row, now)
    return Promise.resolve(row !== undefined)
  }

  replayAll(consumer: string, { now, limit }: { by: Actor; now: Date; limit: number }): Promise<number> {
    const isDead = ({ deadAt }: Row): boolean => deadAt !== undefined && deadAt <= now
    const dead = this.#rows.filter((row) => row.consumer === consumer && isDead(row)).slice(0, limit)
    for (const row of dead) this.#requeueDead(row, now)
    return Promise.resolve(dead.length)
  }

  removeDead(deadBefore: Date, limit: number): Promise<number> {
    const old = this.#rows.filter(({ deadAt }) => deadAt !== undefined && deadAt < deadBefore).slice(0, limit)
    this.#rows = this.#rows.filter((row) => !old.includes(row))
    for (const { eventIndex } of old) this.#removeIfDone(eventIndex)
    return Promise.resolve(old.length)
  }

  waitingConsumers(): Promise<readonly string[]> {
    const waiting = this.#rows.filter(({ deadAt }) => deadAt === undefined)
    return Promise.resolve([...new Set(waiting.map(({ consumer }) => consumer))].sort())
  }

  #add(delivery: Pick<Row, 'consumer' | 'userId' | 'eventIndex' | 'createdAt'>): void {
    const id = (this.#lastId += 1)
    this.#rows.push({ id, ...delivery, attempts: 0, lastError: undefined, deadAt: undefined })
    const key = keyOf(delivery)
    if (!this.#queues.has(key)) this.#queues.set(key, { dueAt: delivery.createdAt, claim: undefined })
  }

  /** The event as it is now, which may have been redacted. */
  #event(eventIndex: number): StoredEvent {
    const { events, actors } = this.#store.world()
    const event = events[eventIndex]
    if (event === undefined) throw new Error('there is no such event')
    return { ...event, id: `event ${eventIndex}`, version: 1, actor: actors[eventIndex] }
  }

  #waiting(consumer: string): Row[] {
    const waiting = this.#rows.filter((row) => row.consumer === consumer && row.deadAt === undefined)
    return waiting.toSorted((a, b) => a.eventIndex - b.eventIndex)
  }

  #queue(row: Pick<Row, 'consumer' | 'userId'>): Queue {
    const queue = this.#queues.get(keyOf(row))
    if (queue === undefined) throw new Error('a delivery has no queue')
    return queue
  }

  #isOurs({ consumer, event, claim }: Omit<ClaimedDelivery, 'id'>): boolean {
    return this.#queues.get(keyOf({ consumer, userId: event.userId }))?.claim === claim
  }

  #endClaim(claimed: Omit<ClaimedDelivery, 'id'>, dueAt: Date): void {
    if (!this.#isOurs(claimed)) return
    const queue = this.#queue({ consumer: claimed.consumer, userId: claimed.event.userId })
    Object.assign(queue, { dueAt, claim: undefined })
  }

  #requeueDead(row: Row, now: Date): void {
    Object.assign(row, { deadAt: undefined, attempts: 0 })
    const queue = this.#queue(row)
    if (queue.claim === undefined) queue.dueAt = now
  }

  #removeIfDone(eventIndex: number): void {
    if (!this.#rows.some((row) => row.eventIndex === eventIndex)) this.#removed.add(eventIndex)
  }

  #listed(row: Row): ListedDelivery {
    const event = this.#event(row.eventIndex)
    return {
      id: row.id,
      consumer: row.consumer,
      userId: row.userId,
      attempts: row.attempts,
      state: row.deadAt === undefined ? 'waiting' : 'dead',
      eventId: event.id,
      eventType: event.type,
      occurredAt: event.occurredAt,
      lastError: row.lastError,
      deadAt: row.deadAt,
      nextAttemptAt: row.deadAt === undefined ? this.#queue(row).dueAt : undefined,
    }
  }
}

const keyOf = ({ consumer, userId }: Pick<Row, 'consumer' | 'userId'>): string => `${consumer} ${userId}`
