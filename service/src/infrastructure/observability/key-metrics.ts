import type { Meter } from '@opentelemetry/api'
import type { ListedKey } from '../../application/keys/list-signing-keys.ts'
import type { Clock } from '../../application/ports/clock.ts'

/** The key that signs, where keys rotate: a shared secret has no age that anybody knows. */
export function observeKeys(meter: Meter, list: () => Promise<readonly ListedKey[]>, clock: Clock): void {
  const age = meter.createObservableGauge('chat_auth_signing_key_age_seconds', {
    description: 'For how long the present key has been signing',
  })
  const left = meter.createObservableGauge('chat_auth_signing_key_remaining_seconds', {
    description: 'For how long tokens can be signed with the keys there are',
  })
  meter.addBatchObservableCallback(
    async (result) => {
      const keys = (await list()).filter(({ isUsable }) => isUsable)
      const now = +clock.now()
      const signing = keys.find(({ state }) => state === 'signing')
      if (signing === undefined) return
      const until = Math.max(...keys.map(({ key }) => +key.signsUntil))
      result.observe(age, (now - +signing.key.signsFrom) / 1_000)
      result.observe(left, (until - now) / 1_000)
    },
    [age, left],
  )
}
