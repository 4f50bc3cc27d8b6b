import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { readKeySet } from '../../src/token/published-keys.ts'
import { answer } from '../support/stand-in-service.ts'
import { until } from '../support/manual-clock.ts'
import { headerOf, makeKey, signToken } from '../support/tokens.ts'
import { refusalOf, startWorld, type World } from '../support/world.ts'

const JWKS = '/.well-known/jwks.json'

describe('a published key', { tags: ['TOKEN-21'] }, () => {
  const [ed, es, rs] = [makeKey('ed'), makeKey('es', 'ES256'), makeKey('rs', 'RS256')]
  const weak = makeKey('weak', 'RS256', 1024)
  const idsOf = (...keys: unknown[]) => [...(readKeySet({ keys }, new Map())?.keys() ?? [])]

  test('a published key has one of three types, is for signatures, and fits its algorithm', () => {
    expect(idsOf(ed.jwk, es.jwk, rs.jwk)).toEqual(['ed', 'es', 'rs'])
    const bare = ({ jwk: { alg, use, ...rest } }: { jwk: Record<string, unknown> }) => [rest, alg, use][0]
    expect(readKeySet({ keys: [bare(ed), bare(es), bare(rs)] }, new Map())?.get('rs')?.algorithm).toBe(
      'RS256',
    )
  })

  test.each([
    { ...ed.jwk, use: 'enc' },
    { ...ed.jwk, use: 'SIG' },
    { ...ed.jwk, use: '' },
    { ...ed.jwk, use: null },
    { ...ed.jwk, use: ['sig'] },
    { ...ed.jwk, key_ops: ['encrypt'] },
    { ...ed.jwk, key_ops: ['sign'] },
    { ...ed.jwk, key_ops: ['Verify'] },
    { ...ed.jwk, key_ops: [] },
    { ...ed.jwk, key_ops: 'verify' },
    { ...ed.jwk, key_ops: null },
    { ...ed.jwk, key_ops: { 0: 'verify' } },
    { ...ed.jwk, key_ops: ['verify', 7] },
    { ...ed.jwk, key_ops: ['verify', 'verify'] },
    { ...ed.jwk, key_ops: [['verify']] },
    { ...ed.jwk, use: undefined, key_ops: ['sign'] },
    { ...ed.jwk, use: 'enc', key_ops: ['verify'] },
    { ...ed.jwk, d: ed.jwk['x'] },
    { ...rs.jwk, d: '' },
    { ...ed.jwk, alg: null },
    { ...ed.jwk, alg: ['EdDSA'] },
    { ...ed.jwk, alg: 'eddsa' },
    { ...ed.jwk, kty: 'EC' },
    { ...ed.jwk, kty: 'okp' },
    { ...es.jwk, kty: 'OKP' },
    { ...es.jwk, crv: 'Ed25519' },
    { ...rs.jwk, kty: 'EC' },
    { ...es.jwk, kid: 'other', kty: 'RSA' },
    { ...ed.jwk, alg: 'ES256' },
    { ...ed.jwk, alg: 'HS256' },
    { ...rs.jwk, alg: 'PS256' },
    { ...rs.jwk, alg: 'none' },
    { ...ed.jwk, kid: undefined },
    { ...ed.jwk, kid: '' },
    { ...ed.jwk, kid: 7 },
    { ...ed.jwk, kid: 'k'.repeat(257) },
    { ...ed.jwk, crv: 'X25519' },
    { ...ed.jwk, crv: 'Ed448' },
    { ...ed.jwk, x: 'AAAA' },
    { ...ed.jwk, x: undefined },
    { ...es.jwk, crv: 'P-384' },
    { ...es.jwk, crv: 'secp256k1' },
    { ...es.jwk, y: es.jwk['x'] },
    { ...rs.jwk, e: 'AQ' },
    { ...rs.jwk, e: 'Ag' },
    { ...rs.jwk, n: undefined },
    {
      ...rs.jwk,
      n: Buffer.concat([Buffer.of(0x80), randomBytes(2_000), Buffer.of(1)]).toString('base64url'),
    },
    weak.jwk,
    { kty: 'oct', k: 'c2VjcmV0', kid: 'oct', alg: 'HS256', use: 'sig' },
    null,
    [],
    'key',
    7,
  ])('a published key must not be %j', (jwk) => {
    expect(idsOf(jwk, es.jwk)).toEqual(['es'])
  })

  test.each([
    { key_ops: ['verify'] },
    { key_ops: ['sign', 'verify'] },
    { use: undefined, key_ops: ['verify'] },
    { key_ops: ['verify', 'some operation of later versions'] },
    { alg: undefined, use: undefined },
    { x5t: 'unknown members are ignored', ext: true, revoked: null },
  ])('a published key with %j is used', (more) => {
    expect(idsOf({ ...ed.jwk, ...more })).toEqual(['ed'])
  })

  test('an unusable published key does not hide a usable key with the same kid', () => {
    const keys = readKeySet({ keys: [{ ...es.jwk, kid: 'ed', key_ops: ['sign'] }, ed.jwk] }, new Map())
    expect(keys?.get('ed')?.algorithm).toBe('EdDSA')
  })

  test('a published key that is unusable at a later fetch is dropped', () => {
    const before = readKeySet({ keys: [ed.jwk, es.jwk] }, new Map()) ?? new Map<string, never>()
    const after = readKeySet({ keys: [{ ...ed.jwk, key_ops: ['sign'] }, es.jwk] }, before)
    expect([...(after?.keys() ?? [])]).toEqual(['es'])
  })

  test('of two published keys with the same kid the first counts', () => {
    const keys = readKeySet({ keys: [ed.jwk, { ...es.jwk, kid: 'ed' }] }, new Map())
    expect([keys?.size, keys?.get('ed')?.algorithm]).toEqual([1, 'EdDSA'])
  })

  test.each([
    undefined,
    null,
    [],
    {},
    { keys: {} },
    { keys: [] },
    { keys: [null] },
    { keys: Array(101).fill(ed.jwk) },
  ])('no published key is found in %j', (body) => expect(readKeySet(body, new Map())).toBeUndefined())

  test('a published key stays the same object while it stays the same key', () => {
    const first = readKeySet({ keys: [ed.jwk] }, new Map())
    expect(readKeySet({ keys: [ed.jwk] }, first ?? new Map())?.get('ed')).toBe(first?.get('ed'))
    const other = { ...makeKey('x').jwk, kid: 'ed' }
    expect(readKeySet({ keys: [other] }, first ?? new Map())?.get('ed')).not.toBe(first?.get('ed'))
  })
})

describe('keys', () => {
  const tokenOf = (world: World, kid: string) => signToken({ ...makeKey(kid) }, world.claims())
  /** Time for another fetch, during which the feed lives on. */
  const cool = (world: World) => world.live(5)

  test('keys are fetched once for an unknown kid, however many tokens have it', async () => {
    const world = await startWorld()
    const { verifier, service } = world
    const next = makeKey('key-2')
    service.keys.push(next)
    await cool(world)
    const tokens = Array.from({ length: 30 }, () => signToken(next, world.claims()))
    await Promise.all(tokens.map((token) => verifier.verify(token)))
    expect(service.timesHeard(JWKS)).toBe(2)
  })

  test('keys are fetched at most every 5 seconds, whatever tokens arrive', async () => {
    const world = await startWorld()
    const { verifier, service } = world
    const attack = (round: string) =>
      Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          refusalOf(verifier.verify(tokenOf(world, `${round}-${index}`))),
        ),
      )
    expect(new Set(await attack('a'))).toEqual(new Set(['unknown_key']))
    expect(service.timesHeard(JWKS)).toBe(1)
    await cool(world)
    expect(new Set([...(await attack('b')), ...(await attack('c'))])).toEqual(new Set(['unknown_key']))
    expect(service.timesHeard(JWKS)).toBe(2)
    await cool(world)
    await attack('d')
    expect(service.timesHeard(JWKS)).toBe(3)
  })

  test('keys are not fetched for a token of another algorithm or form', async () => {
    const world = await startWorld()
    await cool(world)
    const key = makeKey('unknown')
    for (const header of [{ alg: 'none' }, { alg: 'HS256' }, { crit: ['x'] }, { alg: 1 }]) {
      await refusalOf(world.verifier.verify(signToken(key, world.claims(), { ...headerOf(key), ...header })))
    }
    expect(world.service.timesHeard(JWKS)).toBe(1)
  })

  test('keys that are no longer published verify nothing, not even cached tokens', async () => {
    const world = await startWorld()
    const { verifier, service, token } = world
    const old = token()
    await verifier.verify(old)
    service.keys = [makeKey('key-2')]
    await cool(world)
    await verifier.verify(token())
    expect(await refusalOf(verifier.verify(old))).toBe('unknown_key')
  })

  test('a key replaced under the same kid verifies no earlier token', async () => {
    const world = await startWorld()
    const { verifier, service, token } = world
    const old = token()
    await verifier.verify(old)
    const next = makeKey('key-2')
    service.keys = [makeKey('key-1'), next]
    await cool(world)
    await verifier.verify(signToken(next, world.claims()))
    expect(await refusalOf(verifier.verify(old))).toBe('bad_signature')
  })

  test.each([
    ['an empty set', { keys: [] }, 200],
    ['no usable key', { keys: [{ kty: 'oct', kid: 'x', k: 'AAAA' }] }, 200],
    ['nonsense', 'keys', 200],
    ['an error', { keys: [makeKey('key-9').jwk] }, 500],
    ['a redirect', { keys: [makeKey('key-9').jwk] }, 301],
    ['too long a text', { keys: [makeKey('key-9').jwk], more: 'x'.repeat(300_000) }, 200],
  ])('known keys stay when the service responds with %s', async (_, body, status) => {
    const world = await startWorld()
    const { verifier, service, token, errors } = world
    const good = token()
    service.instead.set(JWKS, (_heard, response) => answer(response, status, body))
    await cool(world)
    // Nobody has said that this key is not one.
    expect(await refusalOf(verifier.verify(tokenOf(world, 'key-9')))).toBe('unavailable')
    expect(await refusalOf(verifier.verify(tokenOf(world, 'key-9')))).toBe('unavailable')
    expect(await refusalOf(verifier.verify(good))).toBeUndefined()
    expect(errors.at(-1)?.message).toContain('keys of the auth service cannot be fetched')
    expect(service.timesHeard(JWKS)).toBe(2)
  })

  test('a verifier waits 3 seconds for keys', async () => {
    const world = await startWorld()
    const { verifier, service, clock } = world
    service.instead.set(JWKS, () => undefined)
    await cool(world)
    const refusal = refusalOf(verifier.verify(tokenOf(world, 'key-9')))
    await until(() => service.timesHeard(JWKS) === 2)
    clock.pass(3_000)
    expect(await refusal).toBe('unavailable')
  })

  test('keys are fetched again within the hour, so that withdrawn keys are dropped', async () => {
    const world = await startWorld()
    const { service, clock } = world
    clock.pass(3_600_000)
    await until(() => service.timesHeard(JWKS) === 2)
  })
})
