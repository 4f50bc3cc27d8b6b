import { createHmac, hkdfSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { HmacReceiptProofs } from '../../../src/infrastructure/crypto/hmac-receipt-proofs.ts'
import { HmacRefreshTokens } from '../../../src/infrastructure/crypto/hmac-refresh-tokens.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { sessionId } from '../../support/builders.ts'

const oldSecret = 'an old secret of the tests, long enough'
const newSecret = 'a new secret of the tests, long enough'
const proofs = new HmacReceiptProofs({ current: oldSecret, previous: [] })
const session = sessionId(7)
const proof = proofs.prove(session, 3)

describe('the proof of a receipt', () => {
  test('a proof holds for its session and generation, and for no other', () => {
    expect(proofs.verify(session, 3, proof)).toBe(true)
    for (const generation of [2, 4, 33, 3.5, 2 ** 31 - 1])
      expect(proofs.verify(session, generation, proof)).toBe(false)
    expect(proofs.verify(sessionId(8), 3, proof)).toBe(false)
  })

  test('a proof has 16 characters and is the same in every release and instance', () => {
    const derived = Buffer.from(hkdfSync('sha256', oldSecret, '', 'chat-auth receipt proofs', 36))
    const mac = createHmac('sha256', derived.subarray(0, 32)).update(`${session} 3`).digest()
    expect(proof).toBe(mac.toString('base64url', 0, 12))
    expect(new HmacReceiptProofs({ current: oldSecret, previous: [newSecret] }).prove(session, 3)).toBe(proof)
  })

  test('no other text is a proof: shorter, longer, another spelling or one character changed', () => {
    const changed = Array.from(
      proof,
      (letter, at) => proof.slice(0, at) + (letter === 'A' ? 'B' : 'A') + proof.slice(at + 1),
    )
    const others = [
      '',
      proof.slice(1),
      proof.slice(0, -1),
      `${proof}A`,
      `${proof}=`,
      ` ${proof}`,
      '𝒜'.repeat(4),
      ...changed,
    ]
    for (const other of others) expect(proofs.verify(session, 3, other), other).toBe(false)
  })

  test('a proof of the previous secret holds until that secret is removed', { tags: ['TOKEN-19'] }, () => {
    const rotated = new HmacReceiptProofs({ current: newSecret, previous: [oldSecret] })
    expect(rotated.verify(session, 3, proof)).toBe(true)
    expect(rotated.prove(session, 3)).not.toBe(proof)
    expect(rotated.verify(session, 3, rotated.prove(session, 3))).toBe(true)
    expect(new HmacReceiptProofs({ current: newSecret, previous: [] }).verify(session, 3, proof)).toBe(false)
  })

  test('a proof reveals no part of a refresh token', () => {
    const tokens = new HmacRefreshTokens({ current: oldSecret, previous: [] })
    const token = tokens.issue({ userId: 42 as UserId, sessionId: session, generation: 3 })
    const mac = Buffer.from(token, 'base64url').subarray(33)
    expect(mac.includes(Buffer.from(proof, 'base64url'))).toBe(false)
  })
})
