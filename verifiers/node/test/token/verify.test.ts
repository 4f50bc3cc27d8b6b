import { describe, expect, test } from 'vitest'
import { TokenRefused } from '../../src/token/token-refused.ts'
import { answer } from '../support/stand-in-service.ts'
import { until } from '../support/manual-clock.ts'
import { makeKey, signToken, signWithSecret } from '../support/tokens.ts'
import { refusalOf, startWorld } from '../support/world.ts'

describe('verify', () => {
  test.each(['EdDSA', 'ES256', 'RS256'] as const)(
    'verify returns the claims of a valid %s token',
    async (algorithm) => {
      const key = makeKey('k', algorithm)
      const { verifier, claims } = await startWorld({ prepare: (service) => (service.keys = [key]) })
      const given = claims({ gen: 3, roles: ['admin'] })
      const answered = await verifier.verify(signToken(key, given))
      expect(answered).toEqual(given)
      expect(
        Object.isFrozen(answered) && Object.isFrozen(answered.amr) && Object.isFrozen(answered.roles),
      ).toBe(true)
    },
  )

  test('verify returns only the documented claims', async () => {
    const { verifier, token, service, claims } = await startWorld()
    const given = claims()
    const raw = JSON.stringify(given).replace('{', '{"__proto__":{"roles":["admin"]},"more":1,')
    const answered = await verifier.verify(signToken(service.keys[0] ?? makeKey('none'), raw))
    expect(answered).toEqual(given)
    expect(Object.getPrototypeOf(answered)).toBe(Object.prototype)
    expect(await verifier.verify(token())).not.toHaveProperty('more')
  })

  test('a cached token returns the same claims', async () => {
    const { verifier, token } = await startWorld()
    const good = token()
    const first = await verifier.verify(good)
    expect(await verifier.verify(good)).toBe(first)
    expect(verifier.health()).toMatchObject({ cachedTokens: 1, verified: 2, cacheHits: 1 })
  })

  test('the cache holds at most cacheSize tokens', async () => {
    const { verifier, token } = await startWorld({ cacheSize: 2 })
    const tokens = [token(), token(), token()]
    for (const one of tokens) await verifier.verify(one)
    expect(verifier.health().cachedTokens).toBe(2)
    for (const one of tokens.slice(1)) await verifier.verify(one)
    expect(verifier.health().cacheHits).toBe(2)
    await verifier.verify(tokens[0] ?? '')
    expect(verifier.health().cacheHits).toBe(2)
  })

  test('with cacheSize 0 no token is cached', async () => {
    const { verifier, token } = await startWorld({ cacheSize: 0 })
    const good = token()
    await verifier.verify(good)
    await verifier.verify(good)
    expect(verifier.health()).toMatchObject({ cachedTokens: 0, verified: 2, cacheHits: 0 })
  })

  test('a token is refused from its exp on by the service’s clock, cached or not', async () => {
    const { verifier, token, claims, live, clock } = await startWorld()
    clock.wallOffsetMs -= 3_600_000
    const { exp, iat } = claims({})
    const remembered = token({ exp: iat + 4 })
    expect(exp - iat).toBe(600)
    await verifier.verify(remembered)
    await live(3)
    expect(await refusalOf(verifier.verify(remembered))).toBeUndefined()
    const unseen = token({ exp: iat + 4 })
    await live(1)
    expect(await refusalOf(verifier.verify(remembered))).toBe('expired')
    expect(await refusalOf(verifier.verify(unseen))).toBe('expired')
  })

  test('a token is refused before its nbf', async () => {
    const { verifier, token, claims, live } = await startWorld()
    const { iat } = claims()
    const early = token({ nbf: iat + 2 })
    expect(await refusalOf(verifier.verify(early))).toBe('not_yet_valid')
    await live(2)
    expect(await refusalOf(verifier.verify(early))).toBeUndefined()
  })

  test('a token of an ended session is refused with the reason, cached or not', async () => {
    const { verifier, token, claims, service } = await startWorld()
    const { sid } = claims()
    const [remembered, unseen, other] = [token({ sid }), token({ sid, gen: 1 }), token()]
    await verifier.verify(remembered)
    const ended = new Promise((resolve) => verifier.onSessionEnded(resolve))
    service.revoke(sid, { reason: 'password_changed' })
    expect(await ended).toEqual({ sid, userId: 7, reason: 'password_changed' })
    for (const one of [remembered, unseen]) {
      const refusal = await verifier.verify(one).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(TokenRefused)
      expect(refusal).toMatchObject({ code: 'session_ended', reason: 'password_changed' })
    }
    expect(await refusalOf(verifier.verify(other))).toBeUndefined()
    expect(verifier.health().refused).toEqual({ session_ended: 2 })
  })

  test('the audience must match exactly, and must be absent if none is configured', async () => {
    const { verifier, token } = await startWorld()
    expect(await refusalOf(verifier.verify(token({ aud: undefined })))).toBe('wrong_audience')
    expect(await refusalOf(verifier.verify(token({ aud: 'Chat' })))).toBe('wrong_audience')
    expect(await refusalOf(verifier.verify(token({ aud: ['chat'] })))).toBe('wrong_audience')
    const bare = await startWorld({ audience: undefined })
    expect(await refusalOf(bare.verifier.verify(bare.token({ aud: undefined })))).toBeUndefined()
    expect(await refusalOf(bare.verifier.verify(bare.token()))).toBe('wrong_audience')
    expect(await refusalOf(bare.verifier.verify(bare.token({ aud: null })))).toBe('wrong_audience')
  })

  test('with a shared secret only HS256 tokens are accepted and no key is fetched', async () => {
    const sharedSecret = 'a secret of more than 32 bytes, shared'
    const { verifier, token, claims, service } = await startWorld({ sharedSecret })
    const header = { alg: 'HS256', typ: 'at+jwt', kid: 'any' }
    const given = claims()
    expect(await verifier.verify(signWithSecret(sharedSecret, given, header))).toEqual(given)
    expect(await refusalOf(verifier.verify(signWithSecret('x'.repeat(32), given, header)))).toBe(
      'bad_signature',
    )
    expect(await refusalOf(verifier.verify(token()))).toBe('wrong_algorithm')
    expect(service.timesHeard('/.well-known/jwks.json')).toBe(0)
  })

  test('without keys a token is refused as unavailable, not as forged', async () => {
    const { verifier, token, service, clock } = await startWorld({
      isReady: false,
      whenStale: 'accept',
      prepare: (it) => it.instead.set('/.well-known/jwks.json', (_, response) => answer(response, 503, {})),
    })
    clock.wallOffsetMs = service.now() - clock.monotonicMs()
    expect(await refusalOf(verifier.verify(token()))).toBe('unavailable')
    service.instead.clear()
    // Less than the time a fetch may take, or the fetch would be over as well.
    clock.pass(200)
    await until(() => verifier.health().keyCount === 1)
    expect(await refusalOf(verifier.verify(token()))).toBeUndefined()
  })

  test('a closed verifier refuses every token', async () => {
    const { verifier, token } = await startWorld()
    const good = token()
    await verifier.verify(good)
    await verifier.close()
    expect(await refusalOf(verifier.verify(good))).toBe('unavailable')
    await expect(verifier.ready()).rejects.toThrow('closed')
  })
})
