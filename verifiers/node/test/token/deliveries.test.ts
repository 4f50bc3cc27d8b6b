// Tokens of the service's calls to the messaging service.
import { describe, expect, test } from 'vitest'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { Algorithm } from '../support/tokens.ts'
import { issuer, makeKey, signToken, signWithSecret } from '../support/tokens.ts'
import { refusalOf, startWorld, type World, type WorldOptions } from '../support/world.ts'

const sharedSecret = 'a shared secret of the tests, long enough'

/** Claims as the service makes them, but for what is given. */
const claimsOf = ({ service }: World, given: object = {}) => {
  const now = Math.floor(service.now() / 1000)
  return { iss: issuer, sub: '7', user_id: 7, jti: 'one', iat: now, exp: now + 60, ...given }
}

async function aReceiver(options: WorldOptions = {}) {
  const world = await startWorld(options)
  const delivery = (given: object = {}, header: object = {}): string => {
    const [key] = world.service.keys
    if (key === undefined) throw new Error('The service has no key.')
    const { algorithm: alg, kid } = key
    return signToken(key, claimsOf(world, given), { alg, typ: 'delivery+jwt', kid, ...header })
  }
  return { ...world, delivery, judge: (token: string) => refusalOf(world.verifier.verifyDelivery(token)) }
}

describe('verifyDelivery', () => {
  test.each<Algorithm>(['EdDSA', 'ES256', 'RS256'])(
    'a delivery token signed with %s is accepted with its claims, frozen',
    async (algorithm) => {
      const key = makeKey('of-deliveries', algorithm)
      const { verifier, delivery, service } = await aReceiver({
        prepare: (each) => void each.keys.splice(0, each.keys.length, key),
      })
      const now = Math.floor(service.now() / 1000)
      const claims = await verifier.verifyDelivery(delivery())
      expect(claims).toEqual({ iss: issuer, sub: '7', user_id: 7, jti: 'one', iat: now, exp: now + 60 })
      expect(Object.isFrozen(claims)).toBe(true)
      expect(verifier.health()).toMatchObject({ verified: 0, refused: {} })
    },
  )

  test('a delivery token signed with the shared secret is accepted', async () => {
    const world = await aReceiver({ sharedSecret, audience: undefined })
    const header = { alg: 'HS256', typ: 'delivery+jwt', kid: 'shared' }
    const now = Math.floor(world.service.now() / 1000)
    const sign = (given: object, secret = sharedSecret) =>
      signWithSecret(secret, claimsOf(world, given), header)
    expect(await world.verifier.verifyDelivery(sign({ iat: now - 30 }))).toMatchObject({ user_id: 7 })
    expect(await world.judge(sign({}, `${sharedSecret}.`))).toBe('bad_signature')
  })

  test('neither kind of token stands in for the other', { tags: ['OUT-6'] }, async () => {
    const { verifier, token, delivery, judge } = await aReceiver()
    expect(await judge(token())).toBe('wrong_type')
    expect(await refusalOf(verifier.verify(token()))).toBeUndefined()
    // Its header is known now, which must not matter.
    expect(await judge(token())).toBe('wrong_type')
    expect(await judge(delivery())).toBeUndefined()
    expect(await refusalOf(verifier.verify(delivery()))).toBe('wrong_type')
    for (const typ of [
      'Delivery+jwt',
      'application/delivery+jwt',
      'JWT',
      null,
      undefined,
      ['delivery+jwt'],
    ]) {
      expect(await judge(delivery({}, { typ }))).toBe('wrong_type')
    }
    expect(verifier.health().refused).toEqual({ wrong_type: 9 })
  })

  test.each([
    ['iss', 'wrong_issuer', [`${issuer}/`, undefined, null]],
    ['aud', 'wrong_audience', ['chat', null, []]],
    ['sub', 'invalid_claims', ['8', 7, undefined]],
    ['user_id', 'invalid_claims', ['7', 0, -1, 1.5, null, undefined]],
    ['jti', 'invalid_claims', [1, null, undefined]],
    ['iat', 'invalid_claims', ['1', null, undefined, -1, 0.5]],
    ['exp', 'invalid_claims', ['1', null, undefined, 1e300]],
    ['nbf', 'invalid_claims', ['1', null]],
  ] as const)('a delivery token with a wrong %s is refused with %s', async (name, code, values) => {
    const { delivery, judge } = await aReceiver()
    for (const value of values)
      expect([value, await judge(delivery({ [name]: value }))]).toEqual([value, code])
  })

  test('anything but a token in its strict form is refused', async () => {
    const { verifier, delivery } = await aReceiver()
    const good = delivery()
    const others = ['', 'a.b', `${good}.`, ` ${good}`, `${good}=`, good.replace('.', '..'), 'x'.repeat(5000)]
    for (const other of [...others, undefined, null, {}, 7]) {
      expect(await refusalOf(verifier.verifyDelivery(other as string))).toBe('malformed_token')
    }
    const last = good.at(-3) === 'A' ? 'B' : 'A'
    expect(await refusalOf(verifier.verifyDelivery(good.slice(0, -3) + last + good.slice(-2)))).toBe(
      'bad_signature',
    )
  })

  test('a delivery token counts from its nbf until its exp, by the time of the service', async () => {
    const { delivery, judge, service, clock } = await aReceiver({ maxStalenessMs: 1e9 })
    const now = Math.floor(service.now() / 1000)
    clock.wallOffsetMs += 36_000_000
    const given = delivery({ exp: now + 60 })
    clock.pass((now + 60) * 1000 - service.now() - 1)
    expect(await judge(given)).toBeUndefined()
    clock.pass(1)
    expect(await judge(given)).toBe('expired')
    expect(await judge(delivery({ nbf: now + 61, exp: now + 120 }))).toBe('not_yet_valid')
  })

  test('a stale verifier checks deliveries, and one that knows no time refuses them', async () => {
    const { verifier, delivery, clock, judge } = await aReceiver()
    clock.pass(10_000)
    expect(verifier.health().fresh).toBe(false)
    expect(await judge(delivery())).toBeUndefined()
    await verifier.close()
    await expect(verifier.verifyDelivery(delivery())).rejects.toThrow(TokenRefused)
    const world = await aReceiver({ sharedSecret, isReady: false, url: 'http://127.0.0.1:9' })
    const header = { alg: 'HS256', typ: 'delivery+jwt', kid: 'of-the-secret' }
    expect(await world.judge(signWithSecret(sharedSecret, claimsOf(world), header))).toBe('unavailable')
  })

  test('a delivery token of a new key is accepted after the keys were fetched', async () => {
    const { service, delivery, judge, clock } = await aReceiver({ maxStalenessMs: 1e9 })
    clock.pass(10_000)
    service.keys.unshift(makeKey('new'))
    expect(await judge(delivery())).toBeUndefined()
    expect(await judge(delivery({}, { kid: 'unknown' }))).toBe('unknown_key')
  })
})
