import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FairQueue, type Entry, type Share } from '../../../src/infrastructure/crypto/fair-queue.ts'

interface Item {
  readonly share: Share
  readonly number: number
}

/** A queue of numbered items, and a record of the displaced ones. */
class Trial {
  readonly queue: FairQueue<Item>
  readonly displaced: Item[] = []
  readonly waiting = new Map<number, Entry<Item>>()
  #next = 0

  constructor(limit: number) {
    this.queue = new FairQueue(limit)
  }

  /** Returns the item, or undefined if it is refused. */
  add(share: Share): Item | undefined {
    if (this.queue.refuses(share)) return undefined
    const item = { share, number: (this.#next += 1) }
    const { entry, displaced } = this.queue.add(share, item)
    this.waiting.set(item.number, entry)
    if (displaced !== undefined) {
      this.displaced.push(displaced)
      this.waiting.delete(displaced.number)
    }
    return item
  }

  addMany(count: number, share: Share): void {
    for (let n = 0; n < count; n += 1) this.add(share)
  }

  take(): Item | undefined {
    const item = this.queue.take()
    if (item !== undefined) this.waiting.delete(item.number)
    return item
  }

  /** The last group of each item, in the order in which the items are taken. */
  takeAll(): string[] {
    const taken: string[] = []
    for (let item = this.take(); item !== undefined; item = this.take()) taken.push(item.share.at(-1) ?? '')
    return taken
  }
}

const share = fc.tuple(
  fc.constantFrom('known', 'strangers'),
  fc.constantFrom('site 1', 'site 2', 'site 3'),
  fc.constantFrom('anna', 'ben', 'cleo'),
)

const isInside = (inner: Share, outer: Share): boolean => outer.every((name, level) => inner[level] === name)

describe('a fair queue', () => {
  test('one share is served in order of arrival', () => {
    const { queue } = new Trial(3)
    const numbers = [1, 2, 3]
    for (const number of numbers) queue.add(['a'], { share: ['a'], number })
    expect(numbers.map(() => queue.take()?.number)).toEqual(numbers)
    expect([queue.take(), queue.size]).toEqual([undefined, 0])
  })

  test('networks take turns, however many items one of them has', { tags: ['SIGN-IN-40'] }, () => {
    const trial = new Trial(20)
    trial.addMany(5, ['flood', 'x'])
    trial.addMany(2, ['quiet', 'a'])
    trial.addMany(1, ['other', 'b'])
    expect(trial.takeAll()).toEqual(['x', 'a', 'b', 'x', 'a', 'x', 'x', 'x'])
  })

  test('names take turns inside a network', { tags: ['SIGN-IN-40'] }, () => {
    const trial = new Trial(20)
    trial.addMany(4, ['office', 'x'])
    trial.addMany(1, ['office', 'a'])
    trial.addMany(2, ['home', 'b'])
    expect(trial.takeAll()).toEqual(['x', 'b', 'a', 'b', 'x', 'x', 'x'])
  })

  test('thousands of networks inside one have the turns of one', { tags: ['SIGN-IN-40'] }, () => {
    const trial = new Trial(3_000)
    for (let n = 0; n < 2_000; n += 1) trial.add(['site', `subnet ${n}`, 'x'])
    trial.addMany(3, ['home', 'home', 'a'])
    expect(trial.takeAll().slice(0, 6)).toEqual(['x', 'a', 'x', 'a', 'x', 'a'])
  })

  test('a newcomer displaces the last item of the largest group', { tags: ['SIGN-IN-40'] }, () => {
    const trial = new Trial(6)
    trial.addMany(1, ['flood', 'a'])
    trial.addMany(4, ['flood', 'x'])
    trial.addMany(1, ['quiet', 'b'])
    trial.add(['new', 'c'])
    expect(trial.displaced).toEqual([{ share: ['flood', 'x'], number: 5 }])
    // The largest network decides, then the largest name inside.
    trial.add(['quiet', 'd'])
    expect(trial.displaced.map(({ number }) => number)).toEqual([5, 4])
    expect(trial.takeAll()).toEqual(['a', 'b', 'c', 'x', 'd', 'x'])
  })

  test('a full queue refuses an item that would only take the place of its like', () => {
    const trial = new Trial(4)
    trial.addMany(10, ['flood', 'x'])
    trial.addMany(10, ['quiet', 'a'])
    expect(trial.displaced).toHaveLength(2)
    expect([
      trial.queue.refuses(['flood', 'x']),
      trial.queue.refuses(['quiet', 'a']),
      trial.queue.refuses(['quiet', 'b']),
      trial.queue.refuses(['new', 'c']),
    ]).toEqual([true, true, false, false])
    expect(trial.takeAll()).toEqual(['x', 'a', 'x', 'a'])
  })

  test('an item that gave up is never taken and frees its place', () => {
    const trial = new Trial(3)
    const items = [trial.add(['a']), trial.add(['a']), trial.add(['b'])]
    for (const item of [items[1], items[2]]) {
      const entry = trial.waiting.get(item?.number ?? 0)
      if (entry !== undefined) trial.queue.remove(entry)
    }
    expect([trial.queue.size, trial.queue.holds(['a']), trial.queue.holds(['b'])]).toEqual([1, true, false])
    expect(trial.queue.refuses(['a'])).toBe(false)
    expect(trial.takeAll()).toEqual(['a'])
  })

  test('a queue without places refuses every item', () => {
    const { queue } = new Trial(0)
    expect([queue.refuses([]), queue.refuses(['a', 'b'])]).toEqual([true, true])
  })
})

describe('any sequence of arrivals, turns and departures', () => {
  const step = fc.oneof(
    { arbitrary: fc.record({ kind: fc.constant('add' as const), share }), weight: 5 },
    { arbitrary: fc.record({ kind: fc.constant('take' as const) }), weight: 2 },
    { arbitrary: fc.record({ kind: fc.constant('leave' as const), at: fc.nat(20) }), weight: 1 },
  )
  const steps = fc.array(step, { maxLength: 120 })
  const limit = fc.integer({ min: 1, max: 12 })

  const leave = (trial: Trial, at: number): void => {
    const [number, entry] = [...trial.waiting][at % Math.max(1, trial.waiting.size)] ?? []
    if (number === undefined || entry === undefined) return
    trial.waiting.delete(number)
    trial.queue.remove(entry)
  }
  const shares = (trial: Trial): Share[] => [...trial.waiting.values()].map(({ link }) => link.value.share)

  test('the queue holds what was added and neither taken, displaced nor removed', () => {
    fc.assert(
      fc.property(limit, steps, (most, sequence) => {
        const trial = new Trial(most)
        for (const each of sequence) {
          if (each.kind === 'add') trial.add(each.share)
          else if (each.kind === 'take') {
            const wasEmpty = trial.waiting.size === 0
            expect(trial.take() === undefined).toBe(wasEmpty)
          } else leave(trial, each.at)
          expect(trial.queue.size).toBe(trial.waiting.size)
          expect(trial.queue.size).toBeLessThanOrEqual(most)
        }
        const left = trial.waiting.size
        expect(trial.takeAll()).toHaveLength(left)
        expect(trial.waiting.size).toBe(0)
      }),
    )
  })

  test('only a group with at least its part is refused or displaced', { tags: ['SIGN-IN-40'] }, () => {
    fc.assert(
      fc.property(limit, steps, share, (most, sequence, newcomer) => {
        const trial = new Trial(most)
        for (const each of sequence) {
          if (each.kind === 'add') trial.add(each.share)
          else if (each.kind === 'take') trial.take()
          else leave(trial, each.at)
        }
        const isFull = trial.queue.size === most
        const before = shares(trial)
        const count = (group: Share): number => before.filter((each) => isInside(each, group)).length
        const largestAt = (level: number): number =>
          Math.max(
            0,
            ...before
              .filter((each) => isInside(each, newcomer.slice(0, level)))
              .map((each) => count(each.slice(0, level + 1))),
          )
        const level = [0, 1, 2].find((at) => count(newcomer.slice(0, at + 1)) + 1 < largestAt(at))
        const displacedBefore = trial.displaced.length
        const isAccepted = trial.add(newcomer) !== undefined
        expect(isAccepted).toBe(!isFull || level !== undefined)
        const displaced = trial.displaced[displacedBefore]?.share
        expect(displaced !== undefined).toBe(isFull && isAccepted)
        if (displaced === undefined || level === undefined) return
        for (let at = level; at < 3; at += 1) {
          const beside = before.filter((each) => isInside(each, displaced.slice(0, at)))
          const largest = Math.max(...beside.map((each) => count(each.slice(0, at + 1))))
          expect(count(displaced.slice(0, at + 1))).toBe(largest)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  test('no group is served twice while another beside it waits', { tags: ['SIGN-IN-40'] }, () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const trial = new Trial(1_000)
        /** Of each group that has waited since: what was served beside it in the meantime. */
        const servedMeanwhile = new Map<string, Set<string>>()
        const forget = (): void => {
          const groups = new Set(
            shares(trial).flatMap((each) => each.map((_, at) => each.slice(0, at + 1).join())),
          )
          for (const group of servedMeanwhile.keys()) if (!groups.has(group)) servedMeanwhile.delete(group)
          for (const group of groups) if (!servedMeanwhile.has(group)) servedMeanwhile.set(group, new Set())
        }
        for (const each of sequence) {
          if (each.kind === 'add') trial.add(each.share)
          else if (each.kind === 'leave') leave(trial, each.at)
          else {
            const taken = trial.take()?.share ?? []
            taken.forEach((_, at) => {
              const served = taken.slice(0, at + 1).join()
              servedMeanwhile.delete(served)
              for (const [group, meanwhile] of servedMeanwhile) {
                const isBeside = group.split(',').slice(0, -1).join() === taken.slice(0, at).join()
                if (!isBeside) continue
                expect(meanwhile.has(served), `${served} before ${group}`).toBe(false)
                meanwhile.add(served)
              }
            })
          }
          forget()
        }
      }),
      { numRuns: 500 },
    )
  })
})
