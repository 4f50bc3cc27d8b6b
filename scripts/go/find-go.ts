// Finds the Go of the tests.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const cache = join(import.meta.dirname, '../../.go')
const install = join(import.meta.dirname, 'install-go.sh')

/** The tests use testing/synctest. */
const LOWEST_MINOR = 25

export interface Go {
  readonly path: string
  /** Such as "1.26.6". */
  readonly version: string
  readonly env: NodeJS.ProcessEnv
}

/** Nothing is downloaded: no other toolchain, and no module. */
const environment = { GOTOOLCHAIN: 'local', GOPROXY: 'off', GOFLAGS: '-mod=mod', GOWORK: 'off' }

const runnable = (path: string): Go | undefined => {
  if (!existsSync(path)) return undefined
  const env: NodeJS.ProcessEnv = { ...process.env, ...environment }
  // It would name the library of another Go.
  delete env['GOROOT']
  const { status, stdout } = spawnSync(path, ['env', 'GOVERSION'], { env, encoding: 'utf8' })
  const version = /^go(1\.(\d+)\S*)/u.exec(stdout)
  if (status !== 0 || Number(version?.[2]) < LOWEST_MINOR) return undefined
  return { path, version: version?.[1] ?? '', env }
}

/** The first one in PATH that is new enough, where go.dev's installation puts it, or unpacked here. */
const findGo = (): Go | undefined => {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  const paths = [...folders, '/usr/local/go/bin', join(cache, 'go/bin')].map((folder) => join(folder, 'go'))
  return paths.map(runnable).find((found) => found !== undefined)
}

/**
 * The program GO_PATH names, or one of this machine. Without one, Go is unpacked into the checkout. Throws an `Error` that
 * says what to do if that is impossible.
 */
export const requireGo = (): Go => {
  const given = process.env['GO_PATH'] ?? ''
  if (given !== '') {
    const named = runnable(given)
    if (named !== undefined) return named
    throw new Error(
      `GO_PATH is ${given}, which is not Go 1.${LOWEST_MINOR} or later: set it to such a program.`,
    )
  }
  const present = findGo()
  if (present !== undefined) return present
  console.error(`No Go from 1.${LOWEST_MINOR} on was found: running ${install}`)
  spawnSync('bash', [install], { stdio: ['ignore', 2, 2] })
  const installed = findGo()
  if (installed !== undefined) return installed
  throw new Error(
    `The tests of the Go verifier need Go 1.${LOWEST_MINOR} or later: install it, or set GO_PATH to the program.`,
  )
}
