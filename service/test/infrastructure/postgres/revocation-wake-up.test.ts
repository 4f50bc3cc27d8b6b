import { EventEmitter, once } from 'node:events'
import { expect, test } from 'vitest'
import { RevocationWakeUp } from '../../../src/infrastructure/postgres/revocation-wake-up.ts'
import { REVOCATIONS_CHANNEL } from '../../../src/infrastructure/postgres/postgres-revocation-log.ts'
import { queryOn } from '../../support/database-query.ts'
import { startTcpProxy, targetOf } from '../../support/tcp-proxy.ts'
import { createTestDatabase } from '../../support/test-database.ts'

test('the wake-up listens when it has started, and knows when it no longer does', async () => {
  const { url, drop } = await createTestDatabase()
  const wakeUp = new RevocationWakeUp(url, () => undefined)
  expect(await wakeUp.isListening()).toBe(false)
  await wakeUp.start()
  expect(await wakeUp.isListening()).toBe(true)
  await wakeUp.stop()
  expect(await wakeUp.isListening()).toBe(false)
  await drop()
})

test('a half-open connection is replaced, and notifications arrive again', { tags: ['FEED-3'] }, async () => {
  const { url, drop } = await createTestDatabase()
  const proxy = await startTcpProxy(targetOf(url))
  const through = new URL(url)
  Object.assign(through, { hostname: '127.0.0.1', port: String(proxy.port) })
  const woken = new EventEmitter()
  const wakeUp = new RevocationWakeUp(through.href, () => woken.emit('wake'), 20)
  await wakeUp.start()
  expect(await wakeUp.isListening()).toBe(true)
  proxy.stall()
  // Neither side learns of it. New connections pass.
  const again = once(woken, 'wake')
  proxy.heal({ keepStalled: true })
  await again
  expect(await wakeUp.isListening()).toBe(true)
  const notified = once(woken, 'wake')
  await queryOn(url)('select pg_notify($1, $2)', [REVOCATIONS_CHANNEL, ''])
  await notified
  await wakeUp.stop()
  await proxy.close()
  await drop()
})
