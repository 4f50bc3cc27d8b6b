import { expect, test } from 'vitest'
import type { ListedKey } from '../../../src/application/keys/list-signing-keys.ts'
import { observeKeys } from '../../../src/infrastructure/observability/key-metrics.ts'
import { createMetrics } from '../../../src/infrastructure/observability/metrics.ts'
import { noon } from '../../support/builders.ts'

const REMAINING = 'chat_auth_signing_key_remaining_seconds'

const scrapeKeys = (keys: readonly ListedKey[]): Promise<string> => {
  const metrics = createMetrics()
  observeKeys(metrics.meter, () => Promise.resolve(keys), { now: () => noon })
  return metrics.text()
}

test('two who scrape at once are both given every gauge, the slow ones too', async () => {
  const metrics = createMetrics()
  const { meter } = metrics
  const measured = Promise.withResolvers<number>()
  meter.createObservableGauge('quick').addCallback((result) => result.observe(1))
  meter.createObservableGauge('slow').addCallback(async (result) => result.observe(await measured.promise))
  const both = [metrics.text(), metrics.text()]
  measured.resolve(2)
  for (const answer of await Promise.all(both)) {
    expect(answer).toMatch(/^quick 1$/m)
    expect(answer).toMatch(/^slow 2$/m)
  }
  expect(await metrics.text()).toMatch(/^quick 1$/m)
})

test('when no key can be used any more, no time is left, so that the alert stays', async () => {
  const lost = { isUsable: false, state: 'lost' } as unknown as ListedKey
  expect(await scrapeKeys([lost])).toMatch(new RegExp(`^${REMAINING} 0$`, 'm'))
})

test('where a shared secret signs there is no such figure', async () => {
  expect(await scrapeKeys([])).not.toContain(REMAINING)
})
