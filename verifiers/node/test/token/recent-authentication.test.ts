import { describe, expect, test } from 'vitest'
import { TokenRefused } from '../../src/token/token-refused.ts'
import { until } from '../support/manual-clock.ts'
import { refusalOf, startWorld } from '../support/world.ts'

const REFUSED = 'reauthentication_required'

describe('verify with maxAgeSeconds', () => {
  test(
    'a token is refused from the moment its authentication is older than allowed',
    { tags: ['TOKEN-22'] },
    async () => {
      const { verifier, token, service, clock } = await startWorld({ maxStalenessMs: 1e9 })
      const authTime = Math.floor(service.now() / 1000) - 50
      const given = token({ auth_time: authTime })
      const remaining = (authTime + 60) * 1000 - service.now()
      clock.pass(remaining)
      expect(await verifier.verify(given, { maxAgeSeconds: 60 })).toMatchObject({ auth_time: authTime })
      clock.pass(1)
      const refusal = await verifier.verify(given, { maxAgeSeconds: 60 }).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(TokenRefused)
      expect(refusal).toMatchObject({ code: REFUSED, maxAgeSeconds: 60, message: /password/ })
      // Other calls accept the same token.
      expect(await refusalOf(verifier.verify(given))).toBeUndefined()
      expect(await refusalOf(verifier.verify(given, { maxAgeSeconds: 61 }))).toBeUndefined()
      expect(verifier.health()).toMatchObject({ verified: 3, refused: { [REFUSED]: 1 } })
    },
  )

  test('an authentication by a clock that was ahead is not recent', { tags: ['TOKEN-22'] }, async () => {
    const { verifier, token, service } = await startWorld()
    const now = Math.floor(service.now() / 1000)
    const judge = (authTime: number) =>
      refusalOf(verifier.verify(token({ auth_time: authTime }), { maxAgeSeconds: 60 }))
    expect(await judge(now + 59)).toBeUndefined()
    expect(await judge(now + 62)).toBe(REFUSED)
  })

  test('a wrong clock of this machine does not count', { tags: ['TOKEN-22'] }, async () => {
    const { verifier, token, service, clock } = await startWorld()
    const given = token({ auth_time: Math.floor(service.now() / 1000) - 50 })
    for (const hours of [-10, 10]) {
      clock.wallOffsetMs += hours * 3_600_000
      expect(await refusalOf(verifier.verify(given, { maxAgeSeconds: 60 }))).toBeUndefined()
      expect(await refusalOf(verifier.verify(given, { maxAgeSeconds: 40 }))).toBe(REFUSED)
    }
  })

  test('a refused authentication is a first sighting of its token', async () => {
    const { verifier, token } = await startWorld()
    expect(await refusalOf(verifier.verify(token({ auth_time: 0 }), { maxAgeSeconds: 60 }))).toBe(REFUSED)
    expect(verifier.health().receipts.waiting).toBe(1)
  })

  test('an ended session, an expired or outdated token and a stale verifier come first', async () => {
    const world = await startWorld()
    const { verifier, token, claims, service, clock } = world
    const [ended, outdated] = [claims({ auth_time: 0 }), claims({ auth_time: 0, gen: 3 })]
    const judge = (given: object) => refusalOf(verifier.verify(token(given), { maxAgeSeconds: 60 }))
    service.revoke(ended.sid)
    service.outdate(outdated.sid, 3)
    await until(() => verifier.health().outdatedCount + verifier.health().revokedCount === 2)
    expect(await judge(ended)).toBe('session_ended')
    expect(await judge(outdated)).toBe('token_outdated')
    expect(await judge({ auth_time: 0, exp: claims().iat - 1 })).toBe('expired')
    const given = claims({ auth_time: 0 })
    service.isFrozen = true
    clock.pass(6_000)
    expect(await judge(given)).toBe('stale')
  })

  test('a verifier that does not know the time yet cannot tell the age', async () => {
    const { verifier, token, claims, service } = await startWorld({
      whenStale: 'introspect',
      isReady: false,
      prepare: (service) => service.instead.set('/v1/revocations/stream', () => undefined),
    })
    await until(() => verifier.health().keyCount > 0)
    const accepted = claims()
    const given = token(accepted)
    service.claimsByToken.set(given, accepted)
    expect(await refusalOf(verifier.verify(given))).toBeUndefined()
    expect(await refusalOf(verifier.verify(given, { amr: ['pwd'] }))).toBeUndefined()
    expect(await refusalOf(verifier.verify(given, { maxAgeSeconds: 60 }))).toBe('unavailable')
  })
})

describe('verify with amr', () => {
  test('every required method must have been used', { tags: ['TOKEN-22'] }, async () => {
    const { verifier, token } = await startWorld()
    const given = token({ amr: ['pwd', 'otp'] })
    for (const amr of [[], ['pwd'], ['otp', 'pwd']])
      expect(await refusalOf(verifier.verify(given, { amr }))).toBeUndefined()
    for (const amr of [['hwk'], ['pwd', 'hwk'], ['PWD']])
      expect(await refusalOf(verifier.verify(given, { amr }))).toBe(REFUSED)
    const refusal = await verifier.verify(given, { amr: ['hwk'] }).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ maxAgeSeconds: undefined })
  })

  test('both requirements must be met', async () => {
    const { verifier, token, service } = await startWorld()
    const given = token({ auth_time: Math.floor(service.now() / 1000) - 50 })
    for (const requirements of [
      { maxAgeSeconds: 40, amr: ['pwd'] },
      { maxAgeSeconds: 60, amr: ['hwk'] },
    ])
      expect(await refusalOf(verifier.verify(given, requirements))).toBe(REFUSED)
    expect(await refusalOf(verifier.verify(given, { maxAgeSeconds: 60, amr: ['pwd'] }))).toBeUndefined()
  })
})

test.each([
  ['maxAgeSeconds', '0', { maxAgeSeconds: 0 }],
  ['maxAgeSeconds', '-1', { maxAgeSeconds: -1 }],
  ['maxAgeSeconds', '0.5', { maxAgeSeconds: 0.5 }],
  ['maxAgeSeconds', 'NaN', { maxAgeSeconds: NaN }],
  ['maxAgeSeconds', 'Infinity', { maxAgeSeconds: Infinity }],
  ['maxAgeSeconds', 'text', { maxAgeSeconds: '60' }],
  ['amr', 'text', { amr: 'otp' }],
  ['amr', 'a list of numbers', { amr: [1] }],
])('the requirement %s as %s is a TypeError, whatever the token', async (name, _, requirements) => {
  const { verifier, token } = await startWorld()
  for (const given of [token(), 'nonsense']) {
    const attempt = verifier.verify(given, requirements as never)
    await expect(attempt).rejects.toThrow(TypeError)
    await expect(attempt).rejects.toThrow(name)
  }
})
