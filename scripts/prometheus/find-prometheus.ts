// Finds Prometheus and its promtool on this machine.
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'

const unpacked = join(import.meta.dirname, '../../.prometheus/usr/bin')
const install = join(import.meta.dirname, 'install-prometheus.sh')

export interface Prometheus {
  readonly prometheus: string
  readonly promtool: string
  /** As in "2.42.0". */
  readonly version: string
}

const inFolder = (folder: string): Prometheus | undefined => {
  const [prometheus, promtool] = [join(folder, 'prometheus'), join(folder, 'promtool')]
  const [first] = [prometheus, promtool].map((path) => spawnSync(path, ['--version'], { encoding: 'utf8' }))
  if (first?.status !== 0 || spawnSync(promtool, ['--version']).status !== 0) return undefined
  const version = /version (\S+)/.exec(first.stdout + first.stderr)?.[1] ?? 'of unknown version'
  return { prometheus, promtool, version: version.replace('+ds', '') }
}

/** The first one in PATH, where Debian puts it, or unpacked here. */
const findPrometheus = (): Prometheus | undefined => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), '/usr/bin', unpacked]
  return folders.map(inFolder).find((found) => found !== undefined)
}

/**
 * The programs in the folder PROMETHEUS_PATH names, or those of this machine. Where there are none Debian's are unpacked
 * into the checkout; throws an `Error` that says what to do where that cannot be done.
 */
export const requirePrometheus = (): Prometheus => {
  const given = process.env['PROMETHEUS_PATH'] ?? ''
  if (given !== '') {
    const named = inFolder(given)
    if (named !== undefined) return named
    throw new Error(
      `PROMETHEUS_PATH is ${given}, where prometheus and promtool do not run: set it to their folder, or leave it out.`,
    )
  }
  const present = findPrometheus()
  if (present !== undefined) return present
  console.error(`No Prometheus was found: running ${install}`)
  spawnSync('bash', [install], { stdio: ['ignore', 2, 2] })
  const installed = findPrometheus()
  if (installed !== undefined) return installed
  throw new Error(
    'The tests of metrics need Prometheus: install it (bash scripts/prometheus/install-prometheus.sh), or set ' +
      'PROMETHEUS_PATH to the folder of prometheus and promtool.',
  )
}
