// The version that installations run before they are brought to this one, taken out of the repository's history.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** To be moved on with each release: upgrades go from one version to the next. */
const EARLIER = 'dbd334dcea5587e12e69e05867d412c13001f84f'

const root = join(import.meta.dirname, '../../..')

/** Answers the file to start it by. It runs on the packages of this version; gone at the end of the test. */
export function earlierMain(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chat-auth-earlier-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const archive = join(folder, 'earlier.tar')
  const paths = ['package.json', 'service/package.json', 'service/src']
  try {
    execFileSync('git', ['archive', '--output', archive, EARLIER, ...paths], { cwd: root, stdio: 'pipe' })
  } catch (cause) {
    throw new Error(
      `The version before this one, ${EARLIER}, is not to be had from this clone's history. ` +
        'When the clone is a shallow one: git fetch --unshallow',
      { cause },
    )
  }
  execFileSync('tar', ['-xf', archive, '-C', folder])
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return join(folder, 'service/src/main.ts')
}
