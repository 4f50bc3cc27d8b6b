import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareRestored } from '../../../src/infrastructure/postgres/prepare-restored.ts'
import { addUser } from '../../contracts/store.ts'
import { at } from '../../support/builders.ts'
import { openEmbedded, openOnServer, type PostgresStore } from './open-store.ts'

describe.each([
  ['PGlite', openEmbedded],
  ['PostgreSQL', openOnServer],
])('a restored backup on %s', (_, open) => {
  let store: PostgresStore

  beforeAll(async () => {
    store = await open()
  })
  afterAll(() => store.close())

  const logIdentity = async () =>
    (await store.db.selectFrom('revocation_log').select('log').executeTakeFirstOrThrow()).log
  const restorations = () => store.auditLog.page({ action: 'database.restored', limit: 10 })

  test(
    'the audit log says when it was restored, and what becomes of the sessions',
    { tags: ['AUDIT-8'] },
    async () => {
      const before = await logIdentity()
      await prepareRestored(store.db, 'keep', at(1))
      await prepareRestored(store.db, 'end', at(2))
      expect(await logIdentity()).not.toBe(before)
      expect(await restorations()).toMatchObject([
        { at: at(2), actor: 'system', result: 'success', data: { sessions: 'end' } },
        { at: at(1), actor: 'system', result: 'success', data: { sessions: 'keep' } },
      ])
    },
  )

  test('no link for a new password from before is good after it', { tags: ['RESET-7'] }, async () => {
    const { id, passwordVersion } = await addUser(store, 'anna')
    await prepareRestored(store.db, 'end', at(1))
    // Lost changes of the password have raised the version that links name, too.
    const lostChanges = 1_000
    expect((await store.users.find(id))?.passwordVersion).toBeGreaterThan(passwordVersion + lostChanges)
  })

  test('the log keeps its identity if the restore cannot be recorded', { tags: ['AUDIT-8'] }, async () => {
    const [before, recorded] = [await logIdentity(), await restorations()]
    await sql`alter table audit_log add constraint full_disk check (action <> 'database.restored') not valid`.execute(
      store.db,
    )
    await expect(prepareRestored(store.db, 'end', at(3))).rejects.toThrow(/full_disk/)
    await sql`alter table audit_log drop constraint full_disk`.execute(store.db)
    expect([await logIdentity(), await restorations()]).toEqual([before, recorded])
  })
})
