import { beforeEach, expect, test } from 'vitest'
import type { AuditEntry, AuditQuery } from '../../src/application/ports/audit-log.ts'
import { userActor } from '../../src/domain/actor.ts'
import { refreshTokenReused, sessionCreated, userDisabled, userEnabled } from '../../src/domain/event.ts'
import { deleteUser, type User } from '../../src/domain/user.ts'
import { requestOrigins } from '../../src/infrastructure/context/request-origin.ts'
import { aBan, aSession, at, sessionId } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { addUser, inTransaction, type Store } from './store.ts'

const here = { ip: '203.0.113.7', userAgent: 'Firefox', requestId: 'request-1' }

export const auditLogContract = describeContract('AuditLog', (store: Store) => {
  let anna: User
  let bert: User

  beforeEach(async () => {
    anna = await addUser(store, 'anna')
    bert = await addUser(store, 'bert')
  })

  const all = (query: Partial<AuditQuery> = {}) => store.auditLog.page({ limit: 100, ...query })
  const idsOf = async (query: Partial<AuditQuery>) => (await all(query)).map(({ requestId }) => requestId)
  const entry = (number: number, changes: Partial<AuditEntry> = {}): AuditEntry => ({
    at: at(number),
    actor: userActor(anna.id),
    action: 'sign_in.refused',
    subject: anna.id,
    session: undefined,
    ...here,
    requestId: String(number),
    result: 'invalid_credentials',
    data: {},
    ...changes,
  })
  const forget = (user: User) =>
    inTransaction(store, async (tx) => {
      await tx.users.lock(user.id)
      await tx.users.save(deleteUser(user, at(9)))
      await tx.audit.forget(user.id)
    })

  test(
    'every event is an entry with the actor and the origin of the request',
    { tags: ['AUDIT-1'] },
    async () => {
      const session = aSession({ id: sessionId(7), userId: anna.id })
      const origin = { ...here, session: sessionId(8) }
      await requestOrigins.run(
        () => origin,
        () =>
          store.transactions.transaction('service:ops', (tx) =>
            tx.outbox.add([
              userDisabled(anna.id, aBan({ reason: 'Spam "ünïcode" 🐢', since: at(1) })),
              sessionCreated(session, false),
            ]),
          ),
      )
      const common = {
        id: expect.any(Number) as number,
        actor: 'service:ops',
        subject: anna.id,
        result: 'success',
        ...here,
      }
      expect(await all({ subject: anna.id })).toEqual([
        {
          ...common,
          at: at(1),
          action: 'user.disabled',
          session: sessionId(8),
          data: { reason: 'Spam "ünïcode" 🐢', public_reason: null, until: null },
        },
        {
          ...common,
          at: session.createdAt,
          action: 'session.created',
          session: sessionId(7),
          data: { device_name: session.device.name, is_new_place: false },
        },
      ])
    },
  )

  test('an event outside of requests is an entry without origin', async () => {
    await inTransaction(store, (tx) => tx.outbox.add([userEnabled(anna.id, undefined, at(1))]))
    expect(await all()).toMatchObject([
      { actor: 'system', action: 'user.enabled', ip: undefined, userAgent: undefined, session: undefined },
    ])
  })

  test('an entry is undone with the transaction of its event', async () => {
    const failing = inTransaction(store, async (tx) => {
      await tx.outbox.add([userEnabled(anna.id, undefined, at(1))])
      throw new Error('changed our mind')
    })
    await expect(failing).rejects.toThrow('changed our mind')
    expect(await all()).toEqual([])
  })

  test('entries are returned as they were added', async () => {
    const added = [
      entry(1, { session: sessionId(3), data: { attempts: 7 } }),
      entry(2, { actor: undefined, subject: undefined, ip: '2001:db8::1', userAgent: '🐢"' }),
      { at: at(3), action: 'service_key.refused', result: 'invalid_service_key', data: {} },
    ]
    await store.auditLog.add([])
    await store.auditLog.add(added)
    expect((await all()).map((found) => ({ ...found, id: undefined }))).toEqual(added.toReversed())
  })

  test(
    'entries are found by user, actor, action, address, network and time',
    { tags: ['AUDIT-2'] },
    async () => {
      await store.auditLog.add([
        entry(1),
        entry(2, { subject: bert.id, actor: 'service:ops', action: 'user.disabled' }),
        entry(3, { ip: '203.0.113.99' }),
        entry(4, { ip: '2001:db8::7', actor: undefined }),
        entry(5, { ip: undefined }),
      ])
      expect(await idsOf({ subject: bert.id })).toEqual(['2'])
      expect(await idsOf({ actor: 'service:ops' })).toEqual(['2'])
      expect(await idsOf({ action: 'sign_in.refused' })).toEqual(['5', '4', '3', '1'])
      expect(await idsOf({ ip: '203.0.113.7' })).toEqual(['2', '1'])
      expect(await idsOf({ ip: '203.0.113.0/24' })).toEqual(['3', '2', '1'])
      expect(await idsOf({ ip: '2001:db8::/64' })).toEqual(['4'])
      expect(await idsOf({ since: at(2), until: at(4) })).toEqual(['3', '2'])
      expect(await idsOf({ subject: anna.id, ip: '203.0.113.0/24', since: at(2) })).toEqual(['3'])
    },
  )

  test(
    'pages follow each other without gap or repetition, entries of the same time too',
    { tags: ['AUDIT-2'] },
    async () => {
      await store.auditLog.add([1, 2, 3, 4, 5].map((number) => entry(number, { at: at(number > 3 ? 9 : 1) })))
      const seen: (string | undefined)[] = []
      let before: AuditQuery['before']
      for (let page = await all({ limit: 2 }); page.length > 0; page = await all({ limit: 2, before })) {
        seen.push(...page.map(({ requestId }) => requestId))
        before = page.at(-1)
      }
      expect(seen).toHaveLength(5)
      expect(new Set(seen.slice(0, 2))).toEqual(new Set(['4', '5']))
      expect(new Set(seen)).toEqual(new Set(['1', '2', '3', '4', '5']))
    },
  )

  test('a deleted user leaves no address, browser or data in the log', { tags: ['AUDIT-5'] }, async () => {
    await store.auditLog.add([
      entry(1, { data: { reason: 'spam of anna' } }),
      entry(2, { actor: userActor(anna.id), subject: bert.id, data: { reason: 'about bert' } }),
      entry(3, { actor: userActor(bert.id), subject: bert.id, data: { reason: 'still there' } }),
      entry(4, { actor: 'service:ops', subject: anna.id, data: { reason: 'spam' } }),
    ])
    await forget(anna)
    const gone = { ip: undefined, userAgent: undefined }
    expect(await all()).toMatchObject([
      { requestId: '4', subject: anna.id, action: 'sign_in.refused', ...gone, data: {} },
      { requestId: '3', ip: here.ip, userAgent: here.userAgent, data: { reason: 'still there' } },
      { requestId: '2', subject: bert.id, ...gone, data: { reason: 'about bert' } },
      { requestId: '1', subject: anna.id, ...gone, data: {} },
    ])
    expect((await all()).filter(({ subject }) => subject === anna.id).map(({ data }) => data)).toEqual([
      {},
      {},
    ])
  })

  test('an entry added after its user was deleted identifies nobody', { tags: ['AUDIT-5'] }, async () => {
    await forget(anna)
    await store.auditLog.add([
      entry(1, { actor: undefined, data: { attempts: 2 } }),
      entry(2, { actor: userActor(bert.id), subject: bert.id }),
      entry(3, { subject: bert.id, data: { attempts: 2 } }),
      entry(4, { subject: undefined }),
    ])
    const [byAnna, byAnnaToBert, ofBert, ofAnna] = await all()
    for (const by of [byAnna, byAnnaToBert]) {
      expect(by).toMatchObject({ actor: userActor(anna.id), ip: undefined, userAgent: undefined })
    }
    expect(byAnnaToBert?.data).toEqual({ attempts: 2 })
    expect(ofBert).toMatchObject({ ip: here.ip, userAgent: here.userAgent })
    expect(ofAnna).toMatchObject({ subject: anna.id, ip: undefined, userAgent: undefined, data: {} })
  })

  test('a replayed token is an entry of its session', async () => {
    const session = aSession({ userId: anna.id, generation: 5 })
    const from = { address: '203.0.113.9', userAgent: session.device.userAgent }
    await inTransaction(store, (tx) => tx.outbox.add([refreshTokenReused(session, 3, from, at(1))]))
    expect(await all()).toMatchObject([
      {
        action: 'session.refresh_token_reused',
        session: session.id,
        data: { known_address: false, known_user_agent: true },
      },
    ])
  })
})
