// Installs the previous version from the repository's history, to test upgrades from it.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Update this with each release: an upgrade goes from one version to the next. */
const EARLIER = 'dbd334dcea5587e12e69e05867d412c13001f84f'

const root = join(import.meta.dirname, '../../..')
const place = join(root, '.earlier')

/** Returns the main file. Its own lockfile's packages are installed once and kept for the next run. */
export function earlierMain(): string {
  const installed = join(place, EARLIER)
  if (!existsSync(installed)) install(installed)
  return join(installed, 'service/src/main.ts')
}

/** Installs under a temporary name first, so that an interrupted installation is never used. */
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
  const needed = ['.npmrc', 'package.json', 'package-lock.json', 'service/package.json', 'service/src']
  // A version from before the pages has none.
  const pages = execFileSync('git', ['ls-tree', '--name-only', EARLIER, 'pages'], {
    cwd: root,
    encoding: 'utf8',
  })
  const paths = pages === '' ? needed : [...needed, 'pages']
  try {
    execFileSync('git', ['archive', '--output', archive, EARLIER, ...paths], { cwd: root, stdio: 'pipe' })
  } catch (cause) {
    throw new Error(
      `The history of this clone does not contain the previous version, ${EARLIER}. ` +
        'If the clone is shallow, run: git fetch --unshallow',
      { cause },
    )
  }
  execFileSync('tar', ['-xf', archive, '-C', folder])
}
