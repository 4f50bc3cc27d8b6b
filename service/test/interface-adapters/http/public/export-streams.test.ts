import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import type { ExportedUser } from '../../../../src/application/users/export-user.ts'
import { ExportStreams } from '../../../../src/interface-adapters/http/public/export-streams.ts'
import type { Session } from '../../../../src/domain/session.ts'
import { aSession, aUser, sessionId } from '../../../support/builders.ts'

const anna = aUser()
const url = 'https://auth.example.org'

async function* pagesOf(count: number, onRead: (page: number) => void = () => undefined) {
  for (let page = 1; page <= count; page += 1) {
    onRead(page)
    // As a database does.
    await Promise.resolve()
    yield Array.from({ length: 100 }, (_, index): Session =>
      aSession({ id: sessionId(page * 1_000 + index) }),
    )
  }
}
async function* none(): AsyncGenerator<never[]> {
  await Promise.resolve()
}
const exported = (sessions: ExportedUser['sessions']) => (): Promise<ExportedUser> =>
  Promise.resolve({
    user: anna,
    emailChanges: [],
    factors: { totpAddedAt: undefined, recoveryCodesLeft: 0 },
    sessions,
    events: none(),
    activity: none(),
  })

describe('the stream of an export', () => {
  test('the pages of an export are one JSON document', async () => {
    const stream = await new ExportStreams(url).open(exported(pagesOf(3)))
    const { sessions, events } = JSON.parse(await text(stream)) as { sessions: { id: string }[]; events: [] }
    expect(sessions.map(({ id }) => id)).toHaveLength(300)
    expect(new Set(sessions.map(({ id }) => id)).size).toBe(300)
    expect(events).toEqual([])
  })

  test('an export without sessions and events is a JSON document too', async () => {
    const stream = await new ExportStreams(url).open(exported(none()))
    expect(JSON.parse(await text(stream))).toMatchObject({
      user: { id: anna.id },
      sessions: [],
      events: [],
      activity: [],
    })
  })

  test('an export reads no further than a few pages ahead of its reader', async () => {
    let reads = 0
    const stream = await new ExportStreams(url).open(exported(pagesOf(1_000, (page) => (reads = page))))
    await once(stream, 'readable')
    stream.read()
    await once(stream, 'readable')
    expect(reads).toBeLessThan(5)
    stream.destroy()
  })

  test(
    'exports beyond the limit are refused until one ends, breaks off or fails',
    { tags: ['HTTP-24'] },
    async () => {
      const streams = new ExportStreams(url, { exports: 1 })
      const open = () => streams.open(exported(pagesOf(10)))
      const refused = { code: 'overloaded', details: { retryAfterSeconds: 5 } }
      const left = await open()
      await expect(open()).rejects.toMatchObject(refused)
      left.destroy()
      await once(left, 'close')
      const read = await open()
      await expect(open()).rejects.toMatchObject(refused)
      await text(read)
      await expect(streams.open(() => Promise.reject(new Error('no database')))).rejects.toThrow(
        'no database',
      )
      const failing = await streams.open(exported(failsAfter(2)))
      await expect(text(failing)).rejects.toThrow('lost')
      await text(await open())
    },
  )

  test('an export whose first page cannot be read fails before anything is sent', async () => {
    await expect(new ExportStreams(url).open(exported(failsAfter(0)))).rejects.toThrow('lost')
  })

  test('a slow client gives its place to another export', { tags: ['HTTP-24'] }, async () => {
    const streams = new ExportStreams(url, { exports: 2, patienceMs: 0 })
    const [first, second] = [
      await streams.open(exported(pagesOf(1_000))),
      await streams.open(exported(pagesOf(1_000))),
    ]
    // Both wait for their clients, the first one for longer.
    first.read(0)
    await once(first, 'readable')
    second.read(0)
    await once(second, 'readable')
    const cutOff = once(first, 'error') as Promise<[Error]>
    const third = await streams.open(exported(none()))
    expect((await cutOff)[0].message).toContain('more slowly than others')
    expect(second.destroyed).toBe(false)
    await text(third)
    second.destroy()
  })

  test('an export whose client stops reading is broken off', { tags: ['HTTP-24'] }, async () => {
    const streams = new ExportStreams(url, { exports: 1, pageDeadlineMs: 1 })
    const stream = await streams.open(exported(pagesOf(1_000)))
    stream.read(0)
    const [error] = (await once(stream, 'error')) as [Error]
    expect(error.message).toContain('did not read')
    await text(await streams.open(exported(none())))
  })
})

async function* failsAfter(count: number): AsyncGenerator<Session[]> {
  yield* pagesOf(count)
  throw new Error('lost')
}
