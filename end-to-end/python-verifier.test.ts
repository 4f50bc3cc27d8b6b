// The tests of the Python verifier, run by pytest: alone, and against the real service.
import { join } from 'node:path'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { requirePython } from '../scripts/python/find-python.ts'
import { recordTested, requireLanguage, runToEnd } from './languages.ts'

const folder = join(import.meta.dirname, '../verifiers/python')

/** Far more than the tests take: a slow machine must not fail them. */
const LIMIT_MS = 900_000

test(
  'the Python verifier passes its tests',
  { timeout: LIMIT_MS, tags: ['VERIFIER-10'] },
  async ({ skip }) => {
    const python = requireLanguage('Python', requirePython, skip)
    const reports = await mkdtemp(join(tmpdir(), 'chat-auth-pytest-'))
    onTestFinished(() => rm(reports, { recursive: true }))
    const report = join(reports, 'report.xml')
    const { code, output } = await runToEnd(
      python.path,
      ['-m', 'pytest', '-q', '--no-header', '--tb=short', `--junit-xml=${report}`],
      { cwd: folder, env: { PYTHONDONTWRITEBYTECODE: '1', CHAT_AUTH_NODE: process.execPath } },
    )
    const failures = output.split('\n').filter((line) => /^(?:FAILED|ERROR) /u.test(line))
    expect(failures, output).toEqual([])
    expect(code, output).toBe(0)
    const count = /<testsuite [^>]*\btests="(\d+)"/u.exec(await readFile(report, 'utf8'))?.[1]
    recordTested('Python', python.version, Number(count))
  },
)

test(
  'the sources of the Python verifier are typed and formatted',
  { timeout: LIMIT_MS },
  async ({ skip }) => {
    const { path } = requireLanguage('Python', requirePython, skip)
    for (const args of [['mypy'], ['ruff', 'check', '.'], ['ruff', 'format', '--check', '.']]) {
      const { code, output } = await runToEnd(path, ['-m', ...args], { cwd: folder })
      expect({ code, args }, output).toEqual({ code: 0, args })
    }
  },
)
