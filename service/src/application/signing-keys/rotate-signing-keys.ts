import { SYSTEM } from '../../domain/actor.ts'
import {
  scheduleKey,
  successorSignsFrom,
  type SigningAlgorithm,
  type SigningKey,
} from '../../domain/signing-key.ts'
import type { Clock } from '../ports/clock.ts'
import type { KeyMaker, KeyRing, SigningKeyStore } from '../ports/signing-keys.ts'
import { UnreadableSigningKeys } from './unreadable-signing-keys.ts'

export interface RotateSigningKeysDeps {
  readonly signingKeys: SigningKeyStore
  readonly keyMaker: KeyMaker
  readonly keyRing: KeyRing
  readonly clock: Clock
  readonly signingAlgorithm: SigningAlgorithm
}

/**
 * Makes sure that there is a key to sign with now and one to follow it, and removes keys whose last token has expired long
 * ago. Then it loads the keys that all instances share. Runs at the start and every minute. Throws UnreadableSigningKeys if
 * there are keys and this instance can decrypt none of them. Then it adds none, and the instance cannot sign.
 */
export const rotateSigningKeys =
  ({ signingKeys, keyMaker, keyRing, clock, signingAlgorithm }: RotateSigningKeysDeps) =>
  async (): Promise<void> => {
    const { keys, isReadable } = await signingKeys.exclusively(async (locked) => {
      const now = clock.now()
      await locked.removePublishedUntil(now)
      const stored = await locked.all()
      const usable: SigningKey[] = []
      for (const key of stored) {
        const encryption = keyMaker.checkEncryption(key)
        switch (encryption.state) {
          case 'current':
            usable.push(key)
            break
          case 'outdated':
            await locked.reencrypt(key.kid, encryption.reencrypted)
            usable.push(key)
            break
          case 'lost':
            break
        }
      }
      // Decided under the lock: of two instances that start on an empty database with different secrets, one makes the key.
      if (usable.length === 0 && stored.length > 0) return { keys: stored, isReadable: false }
      const signsFrom = successorSignsFrom(usable, signingAlgorithm, now)
      if (signsFrom !== undefined) {
        await locked.add(scheduleKey(await keyMaker.generate(signingAlgorithm), signsFrom), SYSTEM, now)
      }
      return { keys: await locked.all(), isReadable: true }
    })
    keyRing.load(keys)
    if (!isReadable) throw new UnreadableSigningKeys(keys.length)
  }
