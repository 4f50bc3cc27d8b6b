import { beforeAll, describe, expect, test } from 'vitest'
import { rotateSigningKeys } from '../../../src/application/signing-keys/rotate-signing-keys.ts'
import type { SigningAlgorithm } from '../../../src/domain/signing-key.ts'
import { JwtAccessTokens } from '../../../src/infrastructure/crypto/jwt-access-tokens.ts'
import { AsymmetricKeyRing } from '../../../src/infrastructure/crypto/key-ring.ts'
import { EncryptingKeyMaker } from '../../../src/infrastructure/crypto/encrypting-key-maker.ts'
import { FakeSigningKeys } from '../../fakes/fake-signing-keys.ts'
import { FakeReceiptProofs } from '../../fakes/fake-receipt-proofs.ts'
import { aSession, at, DAY, HOUR } from '../../support/builders.ts'

const oldSecret = 'an old secret of the tests, long enough'
const newSecret = 'a new secret of the tests, long enough'

/** The rotation itself is tested with fakes. Here it runs with real keys, and their tokens must be accepted. */
describe('signing keys that were rotated', () => {
  const store = new FakeSigningKeys()
  const session = aSession({ idleExpiresAt: at(1e9), expiresAt: at(1e9) })
  let seconds = 0

  const instance = (
    secret: string,
    previous: string[] = [],
    signingAlgorithm: SigningAlgorithm = 'EdDSA',
  ) => {
    const keyMaker = new EncryptingKeyMaker({ current: secret, previous })
    const keyRing = new AsymmetricKeyRing(keyMaker, signingAlgorithm)
    const clock = { now: () => at(seconds) }
    const tokens = new JwtAccessTokens(keyRing, new FakeReceiptProofs(), {
      issuer: 'us',
      audience: undefined,
      ttlSeconds: DAY,
    })
    return {
      rotate: rotateSigningKeys({ signingKeys: store, keyMaker, keyRing, clock, signingAlgorithm }),
      issue: () => tokens.issue(session, clock.now()).token,
      accepts: (token: string) => tokens.verify(token, clock.now()) !== undefined,
      algorithm: () => keyRing.signingKey(clock.now())?.algorithm,
    }
  }
  const first = instance(oldSecret)
  let token: string

  beforeAll(async () => {
    await first.rotate()
    token = first.issue()
  })

  test('every instance with the same secret accepts tokens of the shared signing key', async () => {
    const second = instance(oldSecret)
    await second.rotate()
    expect([second.accepts(token), first.accepts(second.issue())]).toEqual([true, true])
    expect(store.keys).toHaveLength(1)
  })

  test('signing keys survive a new AUTH_SECRET once an instance had both secrets', async () => {
    await instance(newSecret, [oldSecret]).rotate()
    const after = instance(newSecret)
    await after.rotate()
    expect([after.accepts(token), first.accepts(after.issue())]).toEqual([true, true])
    expect(store.keys).toHaveLength(1)
  })

  test('signing keys change algorithm after an hour, and tokens of both are accepted', async () => {
    const changed = instance(newSecret, [], 'ES256')
    await changed.rotate()
    expect(changed.algorithm()).toBe('EdDSA')
    seconds += HOUR
    expect(changed.algorithm()).toBe('ES256')
    expect([changed.accepts(token), changed.accepts(changed.issue())]).toEqual([true, true])
  })
})
