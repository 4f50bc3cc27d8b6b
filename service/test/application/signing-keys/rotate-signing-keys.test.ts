import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rotateSigningKeys } from '../../src/application/keys/rotate-signing-keys.ts'
import type { SigningAlgorithm } from '../../src/domain/signing-key.ts'
import { JwtAccessTokens } from '../../src/infrastructure/crypto/jwt-access-tokens.ts'
import { AsymmetricKeyRing } from '../../src/infrastructure/crypto/key-ring.ts'
import { SealedKeyMaker } from '../../src/infrastructure/crypto/sealed-key-maker.ts'
import { FakeSigningKeys } from '../fakes/fake-signing-keys.ts'
import { aSession, at, DAY, HOUR } from '../support/builders.ts'

const oldSecret = 'an old secret of the tests, long enough'
const newSecret = 'a new secret of the tests, long enough'
const longestTtlSeconds = 24 * HOUR

interface InstanceSettings {
  readonly secret: string
  readonly previous: readonly string[]
  readonly signingAlgorithm: SigningAlgorithm
  readonly clockAhead: number
}
const ordinary: InstanceSettings = {
  secret: oldSecret,
  previous: [],
  signingAlgorithm: 'EdDSA',
  clockAhead: 0,
}

/** A database, a clock and any number of instances. */
class Cluster {
  readonly store = new FakeSigningKeys()
  seconds = 0

  get now(): Date {
    return at(this.seconds)
  }

  instance(settings: Partial<InstanceSettings> = {}) {
    const { secret, previous, signingAlgorithm, clockAhead } = { ...ordinary, ...settings }
    const keyMaker = new SealedKeyMaker({ current: secret, previous })
    const keyRing = new AsymmetricKeyRing(keyMaker, signingAlgorithm)
    const clock = { now: () => at(this.seconds + clockAhead) }
    const tokens = new JwtAccessTokens(keyRing, {
      issuer: 'us',
      audience: undefined,
      ttlSeconds: longestTtlSeconds,
    })
    return {
      rotate: rotateSigningKeys({ signingKeys: this.store, keyMaker, keyRing, clock, signingAlgorithm }),
      issue: () => tokens.issue(aSession({ idleExpiresAt: at(1e9), expiresAt: at(1e9) }), clock.now()).token,
      accepts: (token: string, when = clock.now()) => tokens.verify(token, when) !== undefined,
      published: () => keyRing.jwks(clock.now()).keys.map(({ kid }) => kid),
      signs: () => kidOf(keyRing.signingKey(clock.now())?.encodedHeader),
      signsWith: () => keyRing.signingKey(clock.now())?.algorithm,
    }
  }
}

type Instance = ReturnType<Cluster['instance']>

function kidOf(encodedHeader: string | undefined): string | undefined {
  if (encodedHeader === undefined) return undefined
  return (JSON.parse(Buffer.from(encodedHeader, 'base64url').toString()) as { kid: string }).kid
}

describe('rotating the signing keys', () => {
  test('makes a key on the first start that signs at once, and leaves it alone then', async () => {
    const cluster = new Cluster()
    const { rotate, signs, published } = cluster.instance()
    expect(signs()).toBeUndefined()
    await rotate()
    const first = signs()
    expect(first).toBeDefined()
    await rotate()
    expect(signs()).toBe(first)
    expect(published()).toEqual([first])
  })

  test('lets instances that start at once agree on one key', async () => {
    const cluster = new Cluster()
    const instances = Array.from({ length: 5 }, () => cluster.instance())
    await Promise.all(instances.map(({ rotate }) => rotate()))
    expect(cluster.store.keys).toHaveLength(1)
    for (const one of instances) {
      const token = one.issue()
      for (const other of instances) expect(other.accepts(token)).toBe(true)
    }
  })

  test('gives an instance whose clock is a little behind the key that was just made', async () => {
    const cluster = new Cluster()
    const [ahead, behind] = [cluster.instance({ clockAhead: 0.05 }), cluster.instance()]
    await ahead.rotate()
    await behind.rotate()
    expect(cluster.store.keys).toHaveLength(1)
    expect(behind.signs()).toBe(ahead.signs())
    expect(ahead.accepts(behind.issue())).toBe(true)
  })

  test('adds nothing when the making of a key fails, and makes one the next time', async () => {
    const cluster = new Cluster()
    const { rotate, signs } = cluster.instance()
    const failing = new SealedKeyMaker({ current: oldSecret, previous: [] })
    failing.generate = () => Promise.reject(new Error('no entropy'))
    const ring = new AsymmetricKeyRing(failing, 'EdDSA')
    const deps = {
      keyMaker: failing,
      keyRing: ring,
      clock: { now: () => cluster.now },
      signingAlgorithm: 'EdDSA' as const,
    }
    await expect(rotateSigningKeys({ ...deps, signingKeys: cluster.store })()).rejects.toThrow('no entropy')
    expect(cluster.store.keys).toEqual([])
    await rotate()
    expect(signs()).toBeDefined()
  })

  test('publishes a key whose secret is lost until its time, and signs with a new one at once', async () => {
    const cluster = new Cluster()
    const before = cluster.instance()
    await before.rotate()
    const token = before.issue()
    const after = cluster.instance({ secret: newSecret })
    await after.rotate()
    expect(after.signs()).not.toBe(before.signs())
    expect(after.published()).toEqual(expect.arrayContaining([before.signs(), after.signs()]))
    expect(after.accepts(token)).toBe(true)
    await after.rotate()
    expect(cluster.store.keys).toHaveLength(2)
  })

  test('drops a key when its last token has expired, and not before', async () => {
    const cluster = new Cluster()
    const { rotate, signs, published } = cluster.instance()
    await rotate()
    const first = signs()
    cluster.seconds = 31 * DAY + 599
    await rotate()
    expect(published()).toContain(first)
    cluster.seconds += 1
    expect(published()).not.toContain(first)
    await rotate()
    expect(cluster.store.keys.map(({ kid }) => kid)).not.toContain(first)
  })
})

describe('a new AUTH_SECRET', () => {
  test('seals the keys again, so that the previous one can be dropped', async () => {
    const cluster = new Cluster()
    const before = cluster.instance()
    await before.rotate()
    await cluster.instance({ secret: newSecret, previous: [oldSecret] }).rotate()
    const after = cluster.instance({ secret: newSecret })
    await after.rotate()
    expect(after.signs()).toBe(before.signs())
    expect(cluster.store.keys).toHaveLength(1)
  })

  test('does not make instances with the old and the new one replace their key again and again', async () => {
    const cluster = new Cluster()
    const before = cluster.instance()
    await before.rotate()
    const after = cluster.instance({ secret: newSecret, previous: [oldSecret] })
    await after.rotate()
    for (let minute = 0; minute < 5; minute += 1) {
      cluster.seconds += 60
      await before.rotate()
      await after.rotate()
    }
    expect(cluster.store.keys).toHaveLength(1)
    expect(before.signs()).toBe(after.signs())
  })

  test('costs one more key for each instance that starts with the old one afterwards, and no more', async () => {
    const cluster = new Cluster()
    await cluster.instance().rotate()
    const after = cluster.instance({ secret: newSecret, previous: [oldSecret] })
    await after.rotate()
    const late = cluster.instance()
    for (let minute = 0; minute < 5; minute += 1) {
      cluster.seconds += 60
      await late.rotate()
      await after.rotate()
    }
    expect(cluster.store.keys).toHaveLength(2)
    expect(late.signs()).toBe(after.signs())
  })
})

describe('through the months', () => {
  /** Rotates every hour and checks at each what anybody relies on; answers who signed, in order. */
  async function liveThrough(
    days: number,
    algorithmAt: (hour: number) => SigningAlgorithm,
  ): Promise<string[]> {
    const cluster = new Cluster()
    const instances = new Map<SigningAlgorithm, Instance>()
    const publishedSince = new Map<string, number>()
    const signers: string[] = []
    const tokens: string[] = []
    for (let hour = 0; hour < days * 24; hour += 1) {
      cluster.seconds = hour * HOUR
      const algorithm = algorithmAt(hour)
      const instance = instances.get(algorithm) ?? cluster.instance({ signingAlgorithm: algorithm })
      // Yesterday's token is good to its last moment: with the keys of an hour ago, and with those of now.
      const acceptsOldest = () =>
        hour < 24 || instance.accepts(tokens[hour - 24] ?? '', at(hour * HOUR - 0.001))
      if (instances.has(algorithm)) expect(acceptsOldest()).toBe(true)
      instances.set(algorithm, instance)
      await instance.rotate()
      expect(acceptsOldest()).toBe(true)

      for (const kid of instance.published()) {
        if (kid !== undefined && !publishedSince.has(kid)) publishedSince.set(kid, hour)
      }
      const signer = instance.signs() ?? 'nobody'
      if (!signers.includes(signer)) {
        signers.push(signer)
        const publishedHours = hour - (publishedSince.get(signer) ?? Infinity)
        expect(publishedHours).toBeGreaterThanOrEqual(hour === 0 ? 0 : 1)
      }
      expect(signers.at(-1)).toBe(signer)
      expect(cluster.store.keys.length).toBeLessThanOrEqual(3)
      tokens.push(instance.issue())
    }
    return signers
  }

  test('one key follows the other, each published before it signs and until its last token expired', async () => {
    expect(await liveThrough(120, () => 'EdDSA')).toHaveLength(5)
  })

  test('a change of the algorithm takes its hour of publication and breaks no token', async () => {
    const signers = await liveThrough(90, (hour) => (hour < 40 * 24 ? 'EdDSA' : 'ES256'))
    expect(signers).toHaveLength(4)
  })

  test('the same holds whenever the algorithm changes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 34 * 24 }), async (change) => {
        await liveThrough(70, (hour) => (hour < change ? 'EdDSA' : 'ES256'))
      }),
      { numRuns: 8, examples: [[29 * 24], [29 * 24 + 1], [30 * 24 - 1], [30 * 24]] },
    )
  }, 120_000)

  test('the old algorithm signs on until the key of the new one has been published for an hour', async () => {
    const cluster = new Cluster()
    await cluster.instance().rotate()
    cluster.seconds = 5 * DAY
    const changed = cluster.instance({ signingAlgorithm: 'ES256' })
    await changed.rotate()
    expect(changed.published()).toHaveLength(2)
    cluster.seconds = 5 * DAY + HOUR - 1
    expect(changed.signsWith()).toBe('EdDSA')
    cluster.seconds += 1
    expect(changed.signsWith()).toBe('ES256')
  })

  test('instances that want different algorithms do not outdo each other', async () => {
    const cluster = new Cluster()
    const [one, other] = [cluster.instance(), cluster.instance({ signingAlgorithm: 'ES256' })]
    for (let minute = 0; minute < 180; minute += 1) {
      cluster.seconds = minute * 60
      await one.rotate()
      await other.rotate()
    }
    expect(cluster.store.keys).toHaveLength(2)
    expect([one.signsWith(), other.signsWith()]).toEqual(['EdDSA', 'ES256'])
    expect([one.accepts(other.issue()), other.accepts(one.issue())]).toEqual([true, true])
  })

  test.each([1, 28, 29.5, 29.99, 30, 30.5, 31.01, 400])(
    'after a pause of %d days it signs at once and from then on',
    async (days) => {
      const cluster = new Cluster()
      await cluster.instance().rotate()
      const after = cluster.instance()
      for (let minute = 0; minute < 36 * 60; minute += 5) {
        cluster.seconds = days * DAY + minute * 60
        await after.rotate()
        expect(after.signs()).toBeDefined()
        expect(after.accepts(after.issue())).toBe(true)
      }
      expect(cluster.store.keys.length).toBeLessThanOrEqual(2)
    },
  )
})
