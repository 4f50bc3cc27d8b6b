// Finds Chromium, or a browser made of it, on this machine.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome']
const usualFolders = ['/usr/bin', '/usr/local/bin', '/snap/bin', '/Applications/Chromium.app/Contents/MacOS']
const install = join(import.meta.dirname, 'install-browser.sh')

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The first one in PATH or where they usually are. */
const findBrowser = (): string | undefined => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...usualFolders]
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable)
}

/**
 * The browser CHROMIUM_PATH names, or one of this machine. Where there is none Debian's is installed, which may take
 * minutes; throws an `Error` that says what to do where that cannot be done.
 */
export const requireBrowser = (): string => {
  const given = process.env['CHROMIUM_PATH'] ?? ''
  if (given !== '') {
    if (isExecutable(given)) return given
    throw new Error(`CHROMIUM_PATH is ${given}, which is not a program: set it to Chromium, or unset it.`)
  }
  const present = findBrowser()
  if (present !== undefined) return present
  console.error(`No Chromium was found: running ${install}`)
  spawnSync('bash', [install], { stdio: ['ignore', 2, 2] })
  const installed = findBrowser()
  if (installed !== undefined) return installed
  throw new Error(
    `The browser test needs Chromium: install it (as root: bash scripts/chromium/install-browser.sh), or set CHROMIUM_PATH.`,
  )
}
