// The service's own check of an access token and the verifier's judge every payload alike.
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { JwtAccessTokens } from '../service/src/infrastructure/crypto/jwt-access-tokens.ts'
import { SharedSecretKeys } from '../service/src/infrastructure/crypto/key-ring.ts'
import { FakeReceiptProofs } from '../service/test/fakes/fake-receipt-proofs.ts'
import { aSession, noon } from '../service/test/support/builders.ts'
import { createSharedSecret } from '../verifiers/node/src/service/key-set.ts'
import { TokenChecks } from '../verifiers/node/src/token/token-checks.ts'
import { TokenRefused } from '../verifiers/node/src/token/token-refused.ts'

// With a shared secret any of its holders can sign any payload.
const secret = 'a secret that the service and its verifiers share'
const expected = { issuer: 'https://auth.example', audience: 'chat' }
const keys = new SharedSecretKeys(secret)
const tokens = new JwtAccessTokens(keys, new FakeReceiptProofs(), { ...expected, ttlSeconds: 600 })
const checks = new TokenChecks(createSharedSecret(secret), expected, 0)

const issued = tokens.issue(aSession(), noon).token
const good = JSON.parse(Buffer.from(issued.split('.')[1] ?? '', 'base64url').toString()) as object
const now = +noon / 1000

function sign(payload: unknown): string {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const signed = `${keys.signingKey().encodedHeader}.${Buffer.from(text).toString('base64url')}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

function isGoodForVerifier(token: string): boolean {
  try {
    const checked = checks.check(token)
    return checked !== undefined && checked.notBeforeMs <= +noon && checked.expiresAtMs > +noon
  } catch (error) {
    if (error instanceof TokenRefused) return false
    throw error
  }
}

const verdicts = (payload: unknown) => {
  const token = sign(payload)
  return { service: tokens.verify(token, noon) !== undefined, verifier: isGoodForVerifier(token) }
}

describe('service and verifier agree on claims', { tags: ['TOKEN-20'] }, () => {
  test.each<object>([
    {},
    { nbf: now },
    { nbf: now - 1 },
    { nbf: 0 },
    { exp: now + 1 },
    { iat: now + 60 },
    { jti: undefined },
    { rcp: undefined },
    { rcp: '' },
    { amr: [] },
    { roles: ['moderator'] },
    { unknown: { to: 'this version' } },
  ])('a token with %j is accepted by both', (changed) => {
    expect(verdicts({ ...good, ...changed })).toEqual({ service: true, verifier: true })
  })

  const refused: readonly [name: string, values: readonly unknown[]][] = [
    ['nbf', [now + 1, now + 600, String(now), null, -1, 0.5, 1e300, [], {}, true]],
    ['exp', [now, now - 1, undefined, String(now + 60), null, now + 60.5, 1e300, -1, []]],
    ['iat', [undefined, null, String(now), now + 0.5, -1, 1e300]],
    ['auth_time', [undefined, null, String(now), now + 0.5, -1]],
    ['iss', [undefined, '', 'https://auth.example/', 'https://AUTH.example', [expected.issuer]]],
    ['aud', [undefined, '', 'Chat', ['chat'], null]],
    ['sub', [undefined, '', '43', '042', ' 42', 42, null]],
    ['user_id', [undefined, 43, '42', 42.5, -42, null, [42]]],
    ['sid', [undefined, '', 7, null, '019A0000-0000-7000-8000-00000000000A', 'x'.repeat(36)]],
    ['gen', [undefined, -1, 1.5, '3', 2 ** 31, null]],
    ['jti', [7, null, [], {}]],
    ['rcp', [7, null, [], {}]],
    ['amr', [undefined, null, 'pwd', [7], {}]],
    ['roles', [undefined, null, 'admin', [null], { 0: 'admin' }]],
  ]
  const rows = refused.flatMap(([name, values]) => values.map((value) => [name, value] as const))
  test.each(rows)('a token whose %s is %j is refused by both', (name, value) => {
    expect(verdicts({ ...good, [name]: value })).toEqual({ service: false, verifier: false })
  })

  test.each([['[]'], ['null'], ['7'], ['"text"'], ['{'], ['']])(
    'the payload %j is refused by both',
    (payload) => {
      expect(verdicts(payload)).toEqual({ service: false, verifier: false })
    },
  )
})
