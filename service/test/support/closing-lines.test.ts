import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { missingLanguage } from './tested-languages.ts'

const root = join(import.meta.dirname, '../../..')
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-auth-closing-lines-'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Runs vitest with these lines as the body of each test file. */
const run = async (files: Record<string, string>, args: string[] = [], setup = '') => {
  const reporter = JSON.stringify(join(import.meta.dirname, 'closing-lines.ts'))
  await writeFile(
    join(folder, 'vitest.config.mjs'),
    `export default { test: { reporters: ['default', ${reporter}], globalSetup: './setup.mjs' } }`,
  )
  await writeFile(join(folder, 'setup.mjs'), `export default (project) => { ${setup} }`)
  for (const [name, body] of Object.entries(files)) {
    const imports = "import { beforeAll, describe, expect, test } from 'vitest'\n"
    await writeFile(join(folder, `${name}.test.mjs`), imports + body)
  }
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const child = spawn(process.execPath, [vitest, 'run', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number]>])
  return { code, lines: output.trimEnd().split('\n') }
}

test('the last line counts the passed tests, after the databases, the browser and the languages', async () => {
  const { code, lines } = await run({ good: "test('a', () => {}); test('b', () => {})" }, ['-t', '.'])
  expect(lines.slice(-4)).toEqual([
    'Databases: none',
    'Browser: none',
    'Other languages: none',
    '2 passed, 0 failed',
  ])
  expect(code).toBe(0)
})

test('the fault table comes before the databases, and a lost operation fails the run', async () => {
  const result = { fault: 'kill -9', rounds: 2, injected: 2, acknowledged: 9, lost: 1, falseLogouts: 0 }
  const file = join(folder, 'fault-results')
  await writeFile(file, `${JSON.stringify(result)}\n`)
  const setup = `project.provide('faultResults', ${JSON.stringify(file)})`
  const { code, lines } = await run({ good: "test('a', () => {})" }, ['-t', '.'], setup)
  expect(lines.slice(-7).map((line) => line.split(/ {2,}/))).toEqual([
    ['Fault', 'Rounds', 'Injected', 'Acknowledged', 'Lost', 'False logouts', 'Seeds'],
    ['kill -9', '2', '2', '9', '1', '0'],
    ['total', '2', '2', '9', '1', '0'],
    ['Databases: none'],
    ['Browser: none'],
    ['Other languages: none'],
    ['1 passed, 1 failed'],
  ])
  expect(code).toBe(1)
})

test('the closing lines name tested languages, and loudly those that are missing', async () => {
  const file = join(folder, 'tested-languages')
  await writeFile(file, `Python 3.12.1, 140 tests\n${missingLanguage('Go', 'install\nGo')}\n`)
  const setup = `project.provide('testedLanguages', ${JSON.stringify(file)})`
  const { code, lines } = await run({ good: "test('a', () => {})" }, ['-t', '.'], setup)
  expect(lines.slice(-3)).toEqual([
    'Other languages: Python 3.12.1, 140 tests',
    'NOT TESTED, BECAUSE THE LANGUAGE IS MISSING: Go: install Go',
    '1 passed, 0 failed',
  ])
  expect(code).toBe(0)
})

test('a full run in which no test opened a database or a browser fails', async () => {
  const { code, lines } = await run({ good: "test('a', () => {})" })
  expect(lines.slice(-9)).toEqual([
    'No test of this full run opened PGlite.',
    'No test of this full run opened PostgreSQL.',
    'No test of this full run opened Chromium.',
    'No test of this full run ran Python.',
    'No test of this full run ran Go.',
    'Databases: none',
    'Browser: none',
    'Other languages: none',
    '1 passed, 5 failed',
  ])
  expect(code).toBe(1)
})

test('the closing lines name each skipped test with its reason', async () => {
  const { lines } = await run({
    skips:
      "test('a', () => {}); test.skip('b', () => {}); test.todo('c'); test('d', ({ skip }) => skip('no moon'))",
  })
  expect(lines).toContain('Skipped: skips.test.mjs > b (no reason given)')
  expect(lines).toContain('Skipped: skips.test.mjs > c (no reason given)')
  expect(lines).toContain('Skipped: skips.test.mjs > d (no moon)')
  expect(lines.at(-1)).toBe('1 passed, 5 failed, 3 skipped')
})

test('a failed test, a file that does not load, a failed hook and an unhandled error all count', async () => {
  const { code, lines } = await run(
    {
      bad: "test('a', () => expect(1).toBe(2))",
      broken: "import './no-such-file.mjs'; test('b', () => {})",
      hook: "describe('c', () => { beforeAll(() => { throw new Error('c') }); test('d', () => {}) })",
      unhandled: "test('e', () => { Promise.reject(new Error('e')) })",
    },
    ['-t', '.'],
  )
  expect(lines.at(-1)).toBe('1 passed, 4 failed, 1 skipped')
  expect(code).toBe(1)
})

test('a run in which every test is skipped fails', async () => {
  const { code, lines } = await run({ skips: "test.skip('a', () => {})" }, ['-t', '.'])
  expect(lines.at(-1)).toBe('0 passed, 1 failed, 1 skipped')
  expect(code).toBe(1)
})

test('a run without tests fails', async () => {
  const { code, lines } = await run({}, ['-t', '.'])
  expect(lines.at(-1)).toBe('0 passed, 1 failed')
  expect(code).toBe(1)
})
