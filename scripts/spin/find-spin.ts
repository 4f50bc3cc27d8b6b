// Finds Spin on this machine, and the C compiler that it needs.
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'

const unpacked = join(import.meta.dirname, '../../.spin/usr/bin')
const install = join(import.meta.dirname, 'install-spin.sh')

/** The paths of both programs. */
export interface Spin {
  readonly spin: string
  readonly compiler: string
}

const isRunnable = (path: string, ...options: string[]): boolean => spawnSync(path, options).status === 0

const COMPILER = 'gcc'

/** The first one in PATH, or unpacked here. */
const findSpin = (): Spin | undefined => {
  // Spin calls the compiler by this name too, for its preprocessor.
  if (!isRunnable(COMPILER, '--version')) return undefined
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), unpacked]
  const spin = folders.map((folder) => join(folder, 'spin')).find((path) => isRunnable(path, '-V'))
  return spin === undefined ? undefined : { spin, compiler: COMPILER }
}

/**
 * The program SPIN_PATH names, or the one of this machine. If there is none, Debian's is unpacked into the checkout. Throws
 * an `Error` that says what to do if that is impossible.
 */
export const requireSpin = (): Spin => {
  const given = process.env['SPIN_PATH'] ?? ''
  if (given !== '') {
    if (isRunnable(given, '-V') && isRunnable(COMPILER, '--version'))
      return { spin: given, compiler: COMPILER }
    throw new Error(
      `SPIN_PATH is ${given}: it or ${COMPILER} does not run. Set it to spin, and install ${COMPILER}.`,
    )
  }
  const present = findSpin()
  if (present !== undefined) return present
  console.error(`No spin or no ${COMPILER} was found: running ${install}`)
  spawnSync('bash', [install], { stdio: ['ignore', 2, 2] })
  const installed = findSpin()
  if (installed !== undefined) return installed
  throw new Error('The test of the model needs spin and gcc: install both, or set SPIN_PATH to the program.')
}
