import { expect, test } from 'vitest'
import { RevocationWakeUp } from '../../../src/infrastructure/postgres/revocation-wake-up.ts'
import { createTestDatabase } from '../../support/test-database.ts'

test('it listens once it has started, and knows that it no longer does', async () => {
  const { url, drop } = await createTestDatabase()
  const wakeUp = new RevocationWakeUp(url, () => undefined)
  expect(await wakeUp.isListening()).toBe(false)
  await wakeUp.start()
  expect(await wakeUp.isListening()).toBe(true)
  await wakeUp.stop()
  expect(await wakeUp.isListening()).toBe(false)
  await drop()
})
