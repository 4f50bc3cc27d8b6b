// Finds the Python of the tests: a virtual environment in the checkout.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const environment = join(root, '.python')
const program = join(environment, 'bin/python')
const requirements = join(import.meta.dirname, 'requirements.txt')
const installed = join(environment, 'installed.txt')
const install = join(import.meta.dirname, 'install-python.sh')

export interface Python {
  readonly path: string
  /** Such as "3.12.1". */
  readonly version: string
}

/** The environment, unless it was made for other requirements or does not run. */
const findPython = (): Python | undefined => {
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== readFileSync(requirements, 'utf8')) {
    return undefined
  }
  const { status, stdout } = spawnSync(program, ['-c', 'import platform; print(platform.python_version())'], {
    encoding: 'utf8',
  })
  return status === 0 ? { path: program, version: stdout.trim() } : undefined
}

/**
 * The Python of the virtual environment in the checkout, with everything that the tests need. Makes it if it is missing.
 * Throws an `Error` that says what to do if that is impossible.
 */
export const requirePython = (): Python => {
  const present = findPython()
  if (present !== undefined) return present
  console.error(`The Python environment is missing or old: running ${install}`)
  spawnSync('bash', [install], { stdio: ['ignore', 2, 2] })
  const made = findPython()
  if (made !== undefined) return made
  throw new Error(
    'The tests of the Python verifier need Python 3.10 or later with venv: install it, or set PYTHON_PATH to the program.',
  )
}
