import { beforeEach, describe, expect, test } from 'vitest'
import {
  createRefusalBuffer,
  type Refusal,
  type RefusalBuffer,
} from '../../../src/application/audit/refusal-buffer.ts'
import { unavailable } from '../../../src/application/errors.ts'
import type { AuditEntry, RequestOrigin } from '../../../src/application/ports/audit-log.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { createFakeStore } from '../../fakes/fake-store.ts'
import { at, sessionId } from '../../support/builders.ts'

let written: (readonly AuditEntry[])[]
let add: (entries: readonly AuditEntry[]) => Promise<void>
let origin: RequestOrigin | undefined
let seconds: number
let buffer: RefusalBuffer

const working = (entries: readonly AuditEntry[]) => {
  written.push(entries)
  return Promise.resolve()
}

beforeEach(() => {
  written = []
  seconds = 0
  add = working
  origin = { ip: '203.0.113.7', userAgent: 'Firefox', requestId: 'request-1', session: undefined }
  const auditLog = { ...createFakeStore().auditLog, add: (entries: readonly AuditEntry[]) => add(entries) }
  buffer = createRefusalBuffer({
    auditLog,
    clock: { now: () => at(seconds) },
    origin: () => origin,
    capacity: 3,
  })
})

const guess = (changes: Partial<Refusal> = {}): Refusal => ({
  action: 'sign_in.refused',
  result: 'invalid_credentials',
  subject: 17 as UserId,
  ...changes,
})
const guessAt = (...users: number[]): void => {
  for (const user of users) buffer.add(guess({ subject: user as UserId }))
}
const subjects = (batch = 0) => written[batch]?.map(({ subject }) => subject)

describe('the refusal buffer', () => {
  test(
    'a refusal is written with its time and the origin of its request',
    { tags: ['AUDIT-3'] },
    async () => {
      seconds = 5
      buffer.add(guess({ session: sessionId(1) }))
      seconds = 9
      await buffer.flush()
      await buffer.flush()
      expect(written).toEqual([
        [
          {
            at: at(5),
            action: 'sign_in.refused',
            result: 'invalid_credentials',
            subject: 17,
            session: sessionId(1),
            ip: '203.0.113.7',
            userAgent: 'Firefox',
            requestId: 'request-1',
            data: { attempts: 1 },
          },
        ],
      ])
    },
  )

  test(
    'equal refusals between two writes are one entry with their number',
    { tags: ['AUDIT-3'] },
    async () => {
      for (let time = 0; time < 5_000; time += 1) buffer.add(guess())
      await buffer.flush()
      buffer.add(guess())
      await buffer.flush()
      expect(written).toMatchObject([[{ data: { attempts: 5_000 } }], [{ data: { attempts: 1 } }]])
      expect(buffer.dropped()).toBe(0)
    },
  )

  test.each([
    ['action', { action: 'refresh.refused' }],
    ['result', { result: 'too_many_attempts' }],
    ['user', { subject: 18 as UserId }],
    ['session', { session: sessionId(2) }],
    ['actor', { actor: 'user:17' }],
  ] as const)('refusals that differ in the %s are entries of their own', async (_what, changes) => {
    buffer.add(guess())
    buffer.add(guess(changes))
    await buffer.flush()
    expect(written[0]).toHaveLength(2)
  })

  test('refusals from different addresses are entries of their own', { tags: ['AUDIT-3'] }, async () => {
    buffer.add(guess())
    origin = undefined
    buffer.add(guess())
    await buffer.flush()
    expect(written[0]?.map(({ ip }) => ip)).toEqual(['203.0.113.7', undefined])
  })

  test(
    'a full buffer drops new entries, counts them and goes on after a write',
    { tags: ['AUDIT-3'] },
    async () => {
      guessAt(1, 2, 3, 4, 5, 3)
      expect(buffer.dropped()).toBe(2)
      await buffer.flush()
      expect(subjects()).toEqual([1, 2, 3])
      guessAt(4)
      await buffer.flush()
      expect([subjects(1), buffer.dropped()]).toEqual([[4], 2])
    },
  )

  test(
    'while the database is down, the buffer keeps what it has and grows no further',
    { tags: ['AUDIT-3'] },
    async () => {
      add = () => Promise.reject(unavailable('The database cannot be reached.', 2))
      guessAt(1, 2)
      for (let time = 0; time < 5; time += 1) {
        await expect(buffer.flush()).rejects.toMatchObject({ code: 'unavailable' })
        guessAt(3, 4, 5)
      }
      add = working
      await buffer.flush()
      expect(subjects()).toHaveLength(3)
      expect(buffer.dropped()).toBeGreaterThanOrEqual(2)
    },
  )

  test('after a failed write, equal refusals are still one entry', async () => {
    add = () => Promise.reject(unavailable('The database cannot be reached.', 2))
    guessAt(1)
    await expect(buffer.flush()).rejects.toThrow()
    seconds = 9
    guessAt(1, 1)
    add = working
    await buffer.flush()
    expect(written).toMatchObject([[{ at: at(0), subject: 1, data: { attempts: 3 } }]])
  })

  test('entries that the database refuses for good are dropped and hold up no others', async () => {
    add = () => Promise.reject(new Error('a value that cannot be stored'))
    guessAt(1, 2)
    await expect(buffer.flush()).rejects.toThrow('cannot be stored')
    add = working
    guessAt(3)
    await buffer.flush()
    expect([subjects(), buffer.dropped()]).toEqual([[3], 2])
  })

  test('a refusal noted during a write waits for the next write', async () => {
    const [began, write] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
    add = async () => {
      began.resolve(undefined)
      await write.promise
    }
    guessAt(1)
    const first = buffer.flush()
    await began.promise
    guessAt(2)
    add = working
    const second = buffer.flush()
    expect(written).toEqual([])
    write.resolve(undefined)
    await Promise.all([first, second])
    expect(subjects()).toEqual([2])
  })

  test('the buffer holds 1,000 entries', async () => {
    const { auditLog } = createFakeStore()
    const large = createRefusalBuffer({
      auditLog: { ...auditLog, add: working },
      clock: { now: () => at(0) },
      origin: () => undefined,
    })
    for (let user = 1; user <= 1_001; user += 1) large.add(guess({ subject: user as UserId }))
    await large.flush()
    expect([written[0]?.length, large.dropped()]).toEqual([1_000, 1])
  })
})
