import { beforeEach, describe, expect, test } from 'vitest'
import type { Receipt, Sessions } from '../../../src/application/ports/sessions.ts'
import { createReceiptBuffer, type ReceiptBuffer } from '../../../src/application/sessions/receipt-buffer.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { createFakeStore } from '../../fakes/fake-store.ts'
import { at, sessionId } from '../../support/builders.ts'

let written: Receipt[][]
let confirm: Sessions['confirm']
let buffer: ReceiptBuffer

beforeEach(() => {
  written = []
  confirm = (receipts) => {
    written.push([...receipts])
    return Promise.resolve()
  }
  const sessions: Sessions = { ...createFakeStore().sessions, confirm: (receipts) => confirm(receipts) }
  buffer = createReceiptBuffer(sessions, 3)
})

const receipt = (number: number, generation = 1): Receipt => ({
  userId: 42 as UserId,
  sessionId: sessionId(number),
  generation,
  seenAt: at(generation),
})
const add = (...receipts: Receipt[]): void => {
  for (const each of receipts) buffer.add(each)
}

describe('the receipt buffer', () => {
  test('writes nothing when nothing was noted', async () => {
    await buffer.flush()
    expect(written).toEqual([])
  })

  test('writes what was noted once, together', async () => {
    add(receipt(1), receipt(2))
    await buffer.flush()
    await buffer.flush()
    expect(written).toEqual([[receipt(1), receipt(2)]])
  })

  test('writes one receipt per session: the one of the newest generation, in whatever order they come', async () => {
    add(receipt(1, 2), receipt(1, 3), receipt(1, 1))
    await buffer.flush()
    expect(written).toEqual([[receipt(1, 3)]])
  })

  test('drops new sessions when it is full, and still takes newer generations of those it has', async () => {
    add(receipt(1), receipt(2), receipt(3), receipt(4), receipt(3, 2))
    await buffer.flush()
    expect(written).toEqual([[receipt(1), receipt(2), receipt(3, 2)]])
    add(receipt(4))
    await buffer.flush()
    expect(written[1]).toEqual([receipt(4)])
  })

  test('takes 10 000 sessions unless told otherwise', async () => {
    const large = createReceiptBuffer({
      ...createFakeStore().sessions,
      confirm: (receipts) => confirm(receipts),
    })
    for (let number = 0; number <= 10_000; number += 1) large.add(receipt(number))
    await large.flush()
    expect(written[0]).toHaveLength(10_000)
  })

  test('keeps what it could not write, and throws why', async () => {
    const failure = new Error('the store is away')
    const working = confirm
    confirm = () => Promise.reject(failure)
    add(receipt(1), receipt(2))
    await expect(buffer.flush()).rejects.toBe(failure)
    confirm = working
    add(receipt(3), receipt(4))
    await buffer.flush()
    expect(written[0]?.map(({ sessionId: id }) => id).sort()).toEqual([1, 2, 3].map(sessionId))
  })

  test('prefers what was noted during a write that failed, where that is newer', async () => {
    const write = Promise.withResolvers<undefined>()
    const working = confirm
    confirm = () => write.promise
    add(receipt(1, 1), receipt(2, 5))
    const flushed = buffer.flush()
    add(receipt(1, 2), receipt(2, 4))
    write.reject(new Error('the store is away'))
    await expect(flushed).rejects.toThrow()
    confirm = working
    await buffer.flush()
    expect(written).toEqual([[receipt(1, 2), receipt(2, 5)]])
  })

  test('keeps what is noted during a write for the next one', async () => {
    const [began, write] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
    const working = confirm
    confirm = () => {
      began.resolve(undefined)
      return write.promise
    }
    add(receipt(1))
    const flushed = buffer.flush()
    await began.promise
    add(receipt(2))
    confirm = working
    const next = buffer.flush()
    // One write after the other: rows that two of them hold would make them wait for each other.
    expect(written).toEqual([])
    write.resolve(undefined)
    await flushed
    await next
    expect(written).toEqual([[receipt(2)]])
  })

  test('keeps reports of one session under several users apart: only one of them can be right', async () => {
    add({ ...receipt(1, 9), userId: 7 as UserId }, receipt(1))
    await buffer.flush()
    expect(written).toEqual([[{ ...receipt(1, 9), userId: 7 }, receipt(1)]])
  })
})
