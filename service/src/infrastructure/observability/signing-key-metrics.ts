import type { Meter } from '@opentelemetry/api'
import type { ListedKey } from '../../application/keys/list-signing-keys.ts'
import type { Clock } from '../../application/ports/clock.ts'

/** The key that signs, where keys rotate: a shared secret has no age that anybody knows, and is no key of the list. */
export function observeKeys(meter: Meter, list: () => Promise<readonly ListedKey[]>, clock: Clock): void {
  const age = meter.createObservableGauge('chat_auth_signing_key_age_seconds', {
    description: 'For how long the present key has been signing',
  })
  const left = meter.createObservableGauge('chat_auth_signing_key_remaining_seconds', {
    description: 'For how long tokens can be signed with the keys there are',
  })
  meter.addBatchObservableCallback(
    async (result) => {
      const listed = await list()
      if (listed.length === 0) return
      const keys = listed.filter(({ isUsable }) => isUsable)
      const now = +clock.now()
      const signing = keys.find(({ state }) => state === 'signing')
      // An alert watches what is left, and without a key there is nothing left.
      if (signing === undefined) {
        result.observe(left, 0)
        return
      }
      const until = Math.max(...keys.map(({ key }) => +key.signsUntil))
      result.observe(age, (now - +signing.key.signsFrom) / 1_000)
      result.observe(left, (until - now) / 1_000)
    },
    [age, left],
  )
}
