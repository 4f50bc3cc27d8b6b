import type { Actor } from '../../domain/actor.ts'
import { newKeySignsFrom, scheduleKey } from '../../domain/signing-key.ts'
import { ApplicationError, unavailable, type ErrorCode } from '../errors.ts'
import { describeKeys, type ListedKey } from './list-signing-keys.ts'
import type { RotateSigningKeysDeps } from './rotate-signing-keys.ts'

export const replaceSigningKeyErrors = ['no_signing_keys'] as const satisfies readonly ErrorCode[]

/**
 * Makes a new key take over before the current one ends: it is published now and signs as soon as every verifier can know
 * it. If a new key is coming already, no other is made. Returns all keys. Throws `no_signing_keys` if a shared secret is
 * used (`deps` is undefined), and `unavailable` if this instance can decrypt none of the keys: one of its own would be
 * unknown to the other instances.
 */
export const replaceSigningKey =
  (deps: RotateSigningKeysDeps | undefined) =>
  async (actor: Actor): Promise<readonly ListedKey[]> => {
    if (deps === undefined) throw new ApplicationError('no_signing_keys')
    const { signingKeys, keyMaker, keyRing, clock, signingAlgorithm } = deps
    const keys = await signingKeys.exclusively(async (locked) => {
      const current = describeKeys(deps, await locked.all())
      if (current.length > 0 && !current.some(({ isUsable }) => isUsable)) {
        throw unavailable('AUTH_SECRET of this instance decrypts none of the signing keys.', 5)
      }
      const isComing = current.some(
        ({ state, key }) => state === 'coming' && key.algorithm === signingAlgorithm,
      )
      if (!isComing) {
        const usable = current.filter(({ isUsable }) => isUsable).map(({ key }) => key)
        const now = clock.now()
        const signsFrom = newKeySignsFrom(usable, signingAlgorithm, now)
        await locked.add(scheduleKey(await keyMaker.generate(signingAlgorithm), signsFrom), actor, now)
      }
      return locked.all()
    })
    keyRing.load(keys)
    return describeKeys(deps, keys)
  }
