import { accessSync, constants } from 'node:fs'
import type { SettingsReader } from './settings-reader.ts'

/**
 * The address of a PostgreSQL server. The driver ignores parameters that it does not know, so each of libpq's that would be
 * ignored is refused: the operator relies on it. No message shows the address, which may hold a password.
 */
export function readDatabaseUrl(settings: SettingsReader, name: string): string | undefined {
  const text = settings.text(name)
  if (text === undefined) return undefined
  const problem = problemOf(text)
  if (problem === undefined) return text
  settings.refuse(name, problem)
  return undefined
}

const WANTED =
  'must be an address that starts with postgres:// or postgresql:// and names a host; a socket is written as ' +
  'postgres://%2Fvar%2Frun%2Fpostgresql/name'
const ONE_HOST =
  'names several hosts, of which the driver would use none or one; give the one address that leads to the primary, ' +
  'such as that of HAProxy, PgBouncer or a virtual IP'

const SSL_MODES = 'disable, no-verify, prefer, require, verify-ca, verify-full'.split(', ')

/** The parameters that have an effect, or whose absence of an effect is harmless, and their values. Undefined: any value. */
const PARAMETERS: Readonly<Record<string, readonly string[] | undefined>> = {
  host: undefined,
  port: undefined,
  application_name: undefined,
  options: undefined,
  connect_timeout: undefined,
  ssl: ['true', '1', '0'],
  sslmode: SSL_MODES,
  sslcert: undefined,
  sslkey: undefined,
  sslrootcert: undefined,
  uselibpqcompat: ['true'],
  sslnegotiation: ['postgres', 'direct'],
  client_encoding: ['UTF8', 'utf8', 'UTF-8', 'utf-8', 'auto'],
  target_session_attrs: ['any'],
  channel_binding: ['disable', 'prefer'],
  gssencmode: ['disable', 'prefer', 'allow'],
}

function problemOf(text: string): string | undefined {
  const driver = /^postgres(?:ql)?\+(\w+):/i.exec(text)?.[1]
  if (driver !== undefined)
    return `names a driver of SQLAlchemy; remove "+${driver}", so that it starts with postgresql://`
  const hosts = /^[a-z]+:\/\/(?:[^/?#]*@)?([^/?#@]*)/i.exec(text)?.[1] ?? ''
  if (hosts.includes(',')) return ONE_HOST
  const url = URL.parse(text)
  if (url === null || !['postgres:', 'postgresql:'].includes(url.protocol)) return WANTED
  const host = url.searchParams.get('host') ?? url.hostname
  if (host === '' || url.hash !== '') return WANTED
  if (host.includes(',')) return ONE_HOST
  return problemOfParameters(url.searchParams)
}

function problemOfParameters(parameters: URLSearchParams): string | undefined {
  for (const [name, value] of parameters) {
    if (!Object.hasOwn(PARAMETERS, name))
      return `has the parameter ${name}, which would be ignored; leave it out`
    const allowed = PARAMETERS[name]
    if (allowed !== undefined && !allowed.includes(value)) {
      return `has ${name} with a value that would be ignored; it must be ${allowed.join(', ')}, or left out`
    }
    const isFile = ['sslcert', 'sslkey', 'sslrootcert'].includes(name)
    if (isFile && !isReadable(value)) return `names a file in ${name} that cannot be read: ${value}`
  }
  return undefined
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
