import { readConfig } from './config.ts'
import { readEnvFile } from './env-file.ts'
import { nearestName } from './nearest-name.ts'
import { SettingsError, type Environment } from './settings-reader.ts'

export interface LoadedEnvironment {
  readonly environment: Environment
  /** For the operator. They name settings and show no values. */
  readonly warnings: readonly string[]
}

/** Read by the command line, by docker compose, and by the driver of PostgreSQL, Node.js and the system. */
const OTHER_NAMES = new Set(['CHAT_AUTH_SERVICE_KEY', 'POSTGRES_PASSWORD', 'TZ'])
const OTHER_READERS = /^(PG[A-Z]+|COMPOSE_\w+|NODE_\w+|npm_\w+)$/

/**
 * The environment, with the settings that `.env` in the working directory adds to it. Throws a SettingsError if there is a
 * `.env` that cannot be read or understood.
 */
export function loadEnvironment(): LoadedEnvironment {
  const { values, problems, warnings } = readEnvFile('.env')
  if (problems.length > 0) throw new SettingsError(problems)
  const given = warningsAbout(process.env, false)
  // Also for the driver of PostgreSQL, which reads PGPASSWORD and the like from there.
  for (const [name, value] of Object.entries(values)) process.env[name] ??= value
  return { environment: process.env, warnings: [...warnings, ...warningsAbout(values, true), ...given] }
}

/** In `.env` every name is meant for the service. The environment has many others, so only near misses count there. */
function warningsAbout(values: Environment, isOurs: boolean): string[] {
  const known = namesOfSettings()
  const unknown = Object.keys(values).filter((name) => !known.has(name) && !OTHER_NAMES.has(name))
  return unknown.flatMap((name) => {
    const meant = nearestName(name, known)
    if (meant !== undefined) return [`${name} is not a setting and has no effect; did you mean ${meant}?`]
    if (!isOurs || OTHER_READERS.test(name)) return []
    return [`${name} in .env is not a setting and has no effect; .env.example lists all settings`]
  })
}

/** Every name that the settings are read by. */
function namesOfSettings(): ReadonlySet<string> {
  const names = new Set<string>()
  const get = (_: object, name: string) => {
    names.add(name)
    return undefined
  }
  readConfig(new Proxy({}, { get }))
  return names
}
