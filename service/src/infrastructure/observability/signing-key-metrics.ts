import type { Meter } from '@opentelemetry/api'
import type { ListedKey } from '../../application/signing-keys/list-signing-keys.ts'
import type { Clock } from '../../application/ports/clock.ts'

/** Measures the rotating keys. With a shared secret the list is empty: nobody knows the age of that secret. */
export function observeSigningKeys(
  meter: Meter,
  list: () => Promise<readonly ListedKey[]>,
  clock: Clock,
): void {
  const age = meter.createObservableGauge('chat_auth_signing_key_age_seconds', {
    description: 'For how long the current key has been signing',
  })
  const remaining = meter.createObservableGauge('chat_auth_signing_key_remaining_seconds', {
    description: 'For how long the existing keys can sign tokens',
  })
  meter.addBatchObservableCallback(
    async (result) => {
      const listed = await list()
      if (listed.length === 0) return
      const keys = listed.filter(({ isUsable }) => isUsable)
      const now = +clock.now()
      const signing = keys.find(({ state }) => state === 'signing')
      // The alert watches the remaining time. Without a usable key it is 0, not missing.
      if (signing === undefined) {
        result.observe(remaining, 0)
        return
      }
      const until = Math.max(...keys.map(({ key }) => +key.signsUntil))
      result.observe(age, (now - +signing.key.signsFrom) / 1_000)
      result.observe(remaining, (until - now) / 1_000)
    },
    [age, remaining],
  )
}
