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
    return Promise.resolve(0)
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
  test('the receipt buffer writes nothing when nothing was noted', async () => {
    await buffer.flush()
    expect(written).toEqual([])
  })

  test('the receipt buffer writes all noted receipts once and together', async () => {
    add(receipt(1), receipt(2))
    await buffer.flush()
    await buffer.flush()
    expect(written).toEqual([[receipt(1), receipt(2)]])
  })

  test('the receipt buffer writes only the newest generation of each session', async () => {
    add(receipt(1, 2), receipt(1, 3), receipt(1, 1))
    await buffer.flush()
    expect(written).toEqual([[receipt(1, 3)]])
  })

  test('a full receipt buffer drops new sessions but accepts newer generations of known ones', async () => {
    add(receipt(1), receipt(2), receipt(3), receipt(4), receipt(3, 2))
    await buffer.flush()
    expect(written).toEqual([[receipt(1), receipt(2), receipt(3, 2)]])
    add(receipt(4))
    await buffer.flush()
    expect(written[1]).toEqual([receipt(4)])
  })

  test('the receipt buffer holds 10 000 sessions by default', async () => {
    const large = createReceiptBuffer({
      ...createFakeStore().sessions,
      confirm: (receipts) => confirm(receipts),
    })
    for (let number = 0; number <= 10_000; number += 1) large.add(receipt(number))
    await large.flush()
    expect(written[0]).toHaveLength(10_000)
  })

  test('the receipt buffer keeps receipts it could not write and throws the cause', async () => {
    const failure = new Error('the store is down')
    const working = confirm
    confirm = () => Promise.reject(failure)
    add(receipt(1), receipt(2))
    await expect(buffer.flush()).rejects.toBe(failure)
    confirm = working
    add(receipt(3), receipt(4))
    await buffer.flush()
    expect(written[0]?.map(({ sessionId: id }) => id).sort()).toEqual([1, 2, 3].map(sessionId))
  })

  test('after a failed write, the receipt buffer keeps the newer generation of each session', async () => {
    const write = Promise.withResolvers<number>()
    const working = confirm
    confirm = () => write.promise
    add(receipt(1, 1), receipt(2, 5))
    const flushed = buffer.flush()
    add(receipt(1, 2), receipt(2, 4))
    write.reject(new Error('the store is down'))
    await expect(flushed).rejects.toThrow()
    confirm = working
    await buffer.flush()
    expect(written).toEqual([[receipt(1, 2), receipt(2, 5)]])
  })

  test('receipts noted during a write wait for the next write', async () => {
    const [began, write] = [Promise.withResolvers<undefined>(), Promise.withResolvers<number>()]
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
    // Writes run one after the other. In parallel, they would wait for each other on shared rows.
    expect(written).toEqual([])
    write.resolve(0)
    await flushed
    await next
    expect(written).toEqual([[receipt(2)]])
  })

  test('receipts of one session for different users are kept apart, since one may be wrong', async () => {
    add({ ...receipt(1, 9), userId: 7 as UserId }, receipt(1))
    await buffer.flush()
    expect(written).toEqual([[{ ...receipt(1, 9), userId: 7 }, receipt(1)]])
  })
})
