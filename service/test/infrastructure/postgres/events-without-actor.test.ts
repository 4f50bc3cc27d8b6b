import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { webhookBody } from '../../../src/infrastructure/outgoing/webhook-consumer.ts'
import { addUser } from '../../contracts/store.ts'
import { at } from '../../support/builders.ts'
import { openOnServer } from './open-store.ts'

test(
  'an event that an earlier version wrote has no actor and is delivered',
  { tags: ['ACCESS-3'] },
  async () => {
    const store = await openOnServer()
    const anna = await addUser(store, 'anna')
    await sql`insert into outbox (event_id, type, version, user_id, occurred_at, data)
    values (${randomUUID()}, 'user.enabled', 1, ${anna.id}, ${at(0)}, '{}')`.execute(store.db)
    expect(await store.deliveries.dispatch(() => ['a'], { now: at(0), limit: 10 })).toBe(1)
    const [claimed] = await store.deliveries.claim('a', { now: at(0), limit: 1, seconds: 60 })
    if (claimed === undefined) throw new Error('nothing was due')
    expect(claimed.event.actor).toBeUndefined()
    expect(JSON.parse(webhookBody(claimed.event))).toEqual({
      type: 'user.enabled',
      timestamp: at(0).toISOString(),
      version: 1,
      data: { user_id: anna.id },
    })
    await store.close()
  },
)
