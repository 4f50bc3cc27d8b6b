import { scheduleKey, successorSignsFrom, type SigningAlgorithm } from '../../domain/signing-key.ts'
import type { Clock } from '../ports/clock.ts'
import type { KeyMaker, KeyRing, SigningKeyStore } from '../ports/signing-keys.ts'

export interface RotateSigningKeysDeps {
  readonly signingKeys: SigningKeyStore
  readonly keyMaker: KeyMaker
  readonly keyRing: KeyRing
  readonly clock: Clock
  readonly signingAlgorithm: SigningAlgorithm
}

/**
 * Makes sure that there is a key to sign with now and one to follow it, drops those whose last token is long expired,
 * and loads what all instances agreed on. To be run at the start and every minute.
 */
export const rotateSigningKeys =
  ({ signingKeys, keyMaker, keyRing, clock, signingAlgorithm }: RotateSigningKeysDeps) =>
  async (): Promise<void> => {
    const keys = await signingKeys.exclusively(async (locked) => {
      const now = clock.now()
      await locked.removePublishedUntil(now)
      const present = await locked.all()
      const seals = present.map((key) => ({ key, seal: keyMaker.seal(key) }))
      for (const { key, seal } of seals) {
        if (seal.state === 'outdated') await locked.reseal(key.kid, seal.resealed)
      }
      const usable = seals.filter(({ seal }) => seal.state !== 'lost').map(({ key }) => key)
      const signsFrom = successorSignsFrom(usable, signingAlgorithm, now)
      if (signsFrom !== undefined) {
        await locked.add(scheduleKey(await keyMaker.generate(signingAlgorithm), signsFrom))
      }
      return locked.all()
    })
    keyRing.load(keys)
  }
