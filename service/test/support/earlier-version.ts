// The version that installations run before they are brought to this one, taken out of the repository's history.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** To be moved on with each release: upgrades go from one version to the next. */
const EARLIER = 'dbd334dcea5587e12e69e05867d412c13001f84f'

const root = join(import.meta.dirname, '../../..')
const place = join(root, '.earlier')

/** Answers the file to start it by. It has the packages of its own lockfile, installed once and kept for the next run. */
export function earlierMain(): string {
  const installed = join(place, EARLIER)
  if (!existsSync(installed)) install(installed)
  return join(installed, 'service/src/main.ts')
}

/** Under another name first: an installation that was interrupted is none. */
function install(installed: string): void {
  mkdirSync(place, { recursive: true })
  const folder = mkdtempSync(join(place, 'unfinished-'))
  try {
    takeOutOfHistory(folder)
    const options = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--workspace=service']
    execFileSync('npm', ['ci', ...options], { cwd: folder, stdio: 'pipe' })
    renameSync(folder, installed)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function takeOutOfHistory(folder: string): void {
  const archive = join(folder, 'earlier.tar')
  const paths = ['.npmrc', 'package.json', 'package-lock.json', 'service/package.json', 'service/src']
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
}
