import { expect, test } from 'vitest'
import { ProbeProofs } from '../../../src/infrastructure/crypto/probe-proofs.ts'
import { at } from '../../support/builders.ts'

const proofsAt = (seconds: number, current = 'secret', previous: readonly string[] = []) =>
  new ProbeProofs({ current, previous }, { now: () => at(seconds) })

test(
  'a proof of a probe is valid for a minute, at instances whose clock is behind too',
  { tags: ['HTTP-27'] },
  () => {
    const proof = proofsAt(100).make()
    for (const seconds of [40, 100, 160]) expect(proofsAt(seconds).isValid(proof)).toBe(true)
    for (const seconds of [39, 161]) expect(proofsAt(seconds).isValid(proof)).toBe(false)
  },
)

test('a proof of a probe needs a present or previous secret, and its own time', { tags: ['HTTP-27'] }, () => {
  const proof = proofsAt(100).make()
  expect(proofsAt(100, 'next', ['secret']).isValid(proof)).toBe(true)
  expect(proofsAt(100, 'other').isValid(proof)).toBe(false)
  const later = proof.replace(/^\d+/, (text) => String(Number(text) + 30))
  expect(proofsAt(130).isValid(later)).toBe(false)
  for (const text of ['', '.', proof.slice(0, -1), `${proof}x`])
    expect(proofsAt(100).isValid(text)).toBe(false)
})
