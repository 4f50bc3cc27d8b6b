import { newKeySignsFrom, scheduleKey } from '../../domain/signing-key.ts'
import { ApplicationError } from '../errors.ts'
import { describeKeys, type ListedKey } from './list-signing-keys.ts'
import type { RotateSigningKeysDeps } from './rotate-signing-keys.ts'

/**
 * Has a new key take over, before the present one's time: it is published now and signs as soon as everybody can know it.
 * While one is coming already that one is left to it, so asking again makes no other. Answers all keys. Throws
 * `no_signing_keys` where a shared secret is used: undefined.
 */
export const replaceSigningKey =
  (deps: RotateSigningKeysDeps | undefined) => async (): Promise<readonly ListedKey[]> => {
    if (deps === undefined) throw new ApplicationError('no_signing_keys')
    const { signingKeys, keyMaker, keyRing, clock, signingAlgorithm } = deps
    const keys = await signingKeys.exclusively(async (locked) => {
      const present = describeKeys(deps, await locked.all())
      const isComing = present.some(
        ({ state, key }) => state === 'coming' && key.algorithm === signingAlgorithm,
      )
      if (!isComing) {
        const usable = present.filter(({ isUsable }) => isUsable).map(({ key }) => key)
        const signsFrom = newKeySignsFrom(usable, signingAlgorithm, clock.now())
        await locked.add(scheduleKey(await keyMaker.generate(signingAlgorithm), signsFrom))
      }
      return locked.all()
    })
    keyRing.load(keys)
    return describeKeys(deps, keys)
  }
