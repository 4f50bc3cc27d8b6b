import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { vectorFiles } from '../../../../scripts/vectors/vector-files.ts'

const folder = new URL('../../../vectors/', import.meta.url)

test('the vectors are those that npm run vectors writes', () => {
  const written = readdirSync(folder).filter((name) => name.endsWith('.json'))
  expect(written.sort()).toEqual([...vectorFiles().keys()].sort())
  for (const [name, text] of vectorFiles()) {
    expect(readFileSync(new URL(name, folder), 'utf8') === text, `${name} is current`).toBe(true)
  }
})
