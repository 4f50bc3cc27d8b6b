import { expect, test } from 'vitest'
import { prefers } from '../../../../src/interface-adapters/http/internal/preferences.ts'

const prefersParts = (header: string | string[] | undefined): boolean => prefers(header, 'snapshot', 'parts')

test.each([
  'snapshot=parts',
  'Snapshot=parts',
  'snapshot = "parts"',
  'snapshot=parts; rows=1000',
  'respond-async, snapshot=parts',
  'respond-async,\tsnapshot=parts ,wait=10',
])('the header Prefer: %s asks for parts', (header) => {
  expect(prefersParts(header)).toBe(true)
  expect(prefersParts(['wait=10', header])).toBe(true)
})

test.each([
  undefined,
  '',
  'snapshot',
  'snapshot=whole',
  'snapshot=PARTS',
  'a-snapshot=parts',
  'wait=10; snapshot=parts',
  'snapshot=parts-and-more',
  `snapshot=${'"'.repeat(10_000)}`,
  ' '.repeat(10_000),
])('the header Prefer: %s does not', (header) => {
  expect(prefersParts(header)).toBe(false)
})
