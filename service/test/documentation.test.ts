// What docs/security.md calls its proof must exist.
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')

/** `file` "name" or "another name of the same file". */
function proofs(): { file: string; name: string }[] {
  const found: { file: string; name: string }[] = []
  for (const [, file = '', names = ''] of page.matchAll(
    /`([\w/-]+\.(?:test|contract)\.ts)`((?:;? "[^"]*")+)/g,
  )) {
    for (const [, name = ''] of names.matchAll(/"([^"]*)"/g)) found.push({ file, name })
  }
  return found
}

test('docs/security.md names tests that exist', () => {
  const missing = proofs().filter(({ file, name }) => {
    const path = new URL(file, import.meta.url)
    return name === '' || !existsSync(path) || !readFileSync(path, 'utf8').includes(name)
  })
  expect(missing).toEqual([])
  expect(proofs().length).toBeGreaterThan(40)
})

test('every requirement of docs/security.md is shown by a test, or says how else', () => {
  const rows = page.split('\n').filter((line) => /^\| (?!requirement|---)/.test(line))
  const unproven = rows.filter((row) => !/\.(?:test|contract)\.ts`/.test(row) && !row.includes('by hand'))
  expect(unproven).toEqual([])
})
