import { expect, test } from 'vitest'
import type { ListedKey } from '../../../src/application/signing-keys/list-signing-keys.ts'
import { observeSigningKeys } from '../../../src/infrastructure/observability/signing-key-metrics.ts'
import { createMetrics } from '../../../src/infrastructure/observability/metrics.ts'
import { noon } from '../../support/builders.ts'

const REMAINING = 'chat_auth_signing_key_remaining_seconds'

const scrapeKeys = (keys: readonly ListedKey[]): Promise<string> => {
  const metrics = createMetrics()
  observeSigningKeys(metrics.meter, () => Promise.resolve(keys), { now: () => noon })
  return metrics.text()
}

test('two scrapes at the same time both get every gauge, including slow ones', async () => {
  const metrics = createMetrics()
  const { meter } = metrics
  const measured = Promise.withResolvers<number>()
  meter.createObservableGauge('quick').addCallback((result) => result.observe(1))
  meter.createObservableGauge('slow').addCallback(async (result) => result.observe(await measured.promise))
  const both = [metrics.text(), metrics.text()]
  measured.resolve(2)
  for (const text of await Promise.all(both)) {
    expect(text).toMatch(/^quick 1$/m)
    expect(text).toMatch(/^slow 2$/m)
  }
  expect(await metrics.text()).toMatch(/^quick 1$/m)
})

test('without a usable signing key the remaining time is 0, so that the alert stays', async () => {
  const lost = { isUsable: false, state: 'lost' } as unknown as ListedKey
  expect(await scrapeKeys([lost])).toMatch(new RegExp(`^${REMAINING} 0$`, 'm'))
})

test('with a shared secret there is no metric for the remaining time of keys', async () => {
  expect(await scrapeKeys([])).not.toContain(REMAINING)
})
