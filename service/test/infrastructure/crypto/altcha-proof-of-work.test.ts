import { describe, expect, test } from 'vitest'
import { AltchaProofOfWork } from '../../../src/infrastructure/crypto/altcha-proof-of-work.ts'
import { encode, solve } from '../../support/solve-challenge.ts'

const SUBJECT = 'sign-in 203.0.113.7/32 ann'
const now = new Date()
const later = (seconds: number) => new Date((Math.floor(+now / 1000) + seconds) * 1000)

const secrets = { current: 'a secret that is long enough to be one', previous: [] }
const proofs = new AltchaProofOfWork(secrets, 100)
const anotherService = new AltchaProofOfWork({ ...secrets, current: 'another secret, long enough' }, 100)

describe('a proof of work', { tags: ['LIMIT-11'] }, () => {
  test('a proof is accepted until its challenge expires, under one id', async () => {
    const challenge = await proofs.challenge(SUBJECT, now)
    const proof = await solve(challenge)
    const checked = await proofs.check(proof, SUBJECT, now)
    expect(checked).toEqual({ id: Buffer.from(challenge.signature, 'hex'), expiresAt: later(300) })
    expect(await proofs.check(proof, SUBJECT, new Date(+later(300) - 1))).toEqual(checked)
    expect(await proofs.check(proof, SUBJECT, later(300))).toBeUndefined()
  })

  test('a challenge says nothing about its subject, and no two are the same', async () => {
    const challenges = await Promise.all([proofs.challenge(SUBJECT, now), proofs.challenge('other', now)])
    expect(JSON.stringify(challenges)).not.toContain('ann')
    expect(new Set(challenges.map(({ signature }) => signature)).size).toBe(2)
    const [one, other] = challenges.map(({ parameters }) => Object.keys(parameters))
    expect(one).toEqual(other)
    expect(challenges[0].parameters).toMatchObject({
      algorithm: 'PBKDF2/SHA-256',
      cost: 100,
      keyPrefix: '00',
      keyLength: 32,
    })
  })

  test('a proof for another subject or from another service is refused', async () => {
    const proof = await solve(await proofs.challenge(SUBJECT, now))
    for (const subject of ['', 'sign-in 203.0.113.7/32 bert', 'sign-in 203.0.113.8/32 ann', `${SUBJECT} `]) {
      expect(await proofs.check(proof, subject, now)).toBeUndefined()
    }
    expect(await anotherService.check(proof, SUBJECT, now)).toBeUndefined()
  })

  test('a proof of a challenge under a previous secret is accepted', async () => {
    const proof = await solve(await anotherService.challenge(SUBJECT, now))
    const renewed = new AltchaProofOfWork({ ...secrets, previous: ['another secret, long enough'] }, 100)
    expect(await renewed.check(proof, SUBJECT, now)).toBeDefined()
  })

  test('a wrong solution is refused', async () => {
    const challenge = await proofs.challenge(SUBJECT, now)
    const { solution } = JSON.parse(Buffer.from(await solve(challenge), 'base64').toString()) as {
      solution: { counter: number; derivedKey: string }
    }
    const { derivedKey, counter } = solution
    const wrong = [
      { counter: counter + 1, derivedKey },
      { counter, derivedKey: `00${'11'.repeat(31)}` },
      { counter: -1, derivedKey },
      { counter: 2 ** 32 + counter, derivedKey },
      { counter: `${counter}`, derivedKey },
      { counter, derivedKey: '' },
      {},
    ]
    for (const each of wrong) {
      expect(await proofs.check(encode({ challenge, solution: each }), SUBJECT, now)).toBeUndefined()
    }
    expect(await proofs.check(encode({ challenge, solution }), SUBJECT, now)).toBeDefined()
  })

  test('a challenge that was changed is refused, however easy it became', async () => {
    const { parameters, signature } = await proofs.challenge(SUBJECT, now)
    for (const change of [
      { cost: 1 },
      { keyPrefix: '0' },
      { keyPrefix: '' },
      { expiresAt: 9_999_999_999 },
      { data: { free: true } },
    ]) {
      const proof = await solve({ parameters: { ...parameters, ...change, keyPrefix: '0' }, signature })
      expect(await proofs.check(proof, SUBJECT, now)).toBeUndefined()
    }
  })

  test.each([
    '',
    'x',
    '{}',
    encode(null),
    encode([]),
    encode({ challenge: {}, solution: {} }),
    encode({ challenge: { parameters: {}, signature: 'x' }, solution: {} }),
    encode('x'.repeat(3000)),
    '\ud800',
    Buffer.from('['.repeat(3000)).toString('base64'),
  ])('text that is not a proof is refused (%#)', async (text) => {
    expect(await proofs.check(text, SUBJECT, now)).toBeUndefined()
  })
})
