import { expect, test } from 'vitest'
import { Progress } from '../../../src/infrastructure/import/progress.ts'

function written(isTTY: boolean, counts: readonly number[]): string {
  let text = ''
  const progress = new Progress({ isTTY, write: (more) => (text += more) })
  for (const read of counts) progress.show(read, `${read} read`)
  progress.end()
  return text
}

test('the progress of an import is one changing line on a terminal', () => {
  expect(written(true, [1000, 2000])).toBe('\r\u001B[2K1000 read\r\u001B[2K2000 read\n')
})

test('without a terminal the progress of an import is a line per 10,000 rows', () => {
  expect(written(false, [9_999, 10_000, 19_000, 20_500, 29_999, 45_000])).toBe(
    '10000 read\n20500 read\n45000 read\n',
  )
})

test('an import of no rows shows no progress', () => {
  expect(written(true, [])).toBe('')
})
