import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CommandFailure, exitCodes } from '../../interface-adapters/cli/exit-codes.ts'
import type { GlobalOptions } from '../../interface-adapters/cli/program.ts'
import { readServiceKeys } from '../settings/service-keys.ts'
import { SettingsError, SettingsReader, type Environment } from '../settings/settings-reader.ts'

export interface Connection {
  /** Without a slash at the end. */
  readonly url: string
  readonly key: ServiceKey
}

interface ServiceKey {
  /** Never shown. */
  readonly value: string
  /** Where it was found, for messages. */
  readonly source: string
}

/** Characters that an Authorization header can carry (RFC 6750, section 2.1). */
const BEARER_TOKEN = /^[\w.~+/-]+=*$/
/** Addresses for listening on all interfaces, and the address to call instead. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** The address of the service and the key for it, from the options and the settings. Throws CommandFailure. */
export function connectionOf(options: GlobalOptions, environment: Environment): Connection {
  try {
    const settings = new SettingsReader(environment)
    const url = options.url === undefined ? defaultUrl(settings) : givenUrl(options.url)
    const key = findKey(options.key, settings)
    settings.finish()
    if (key === undefined) throw wrongUsage(noKey(settings))
    if (!BEARER_TOKEN.test(key.value))
      throw wrongUsage(`The key from ${key.source} contains a character that no key can have.`)
    return { url, key }
  } catch (error) {
    throw error instanceof SettingsError ? wrongUsage(error.message) : error
  }
}

function defaultUrl(settings: SettingsReader): string {
  const port = settings.port('INTERNAL_PORT', 8010)
  if (port === 0)
    settings.refuse('INTERNAL_PORT', 'is 0, so the system chose the port; give the address with --url')
  const host = settings.text('INTERNAL_HOST') ?? '127.0.0.1'
  const target = LOOPBACK_OF[host] ?? host
  return `http://${target.includes(':') ? `[${target}]` : target}:${port}`
}

function givenUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw wrongUsage('--url must be an address such as http://127.0.0.1:8010.')
  }
  if (url.username + url.password + url.search + url.hash !== '') {
    throw wrongUsage(
      '--url must be an address only, such as http://127.0.0.1:8010: without user, password, ? and #.',
    )
  }
  return (url.origin + url.pathname).replace(/\/+$/, '')
}

function findKey(option: string | undefined, settings: SettingsReader): ServiceKey | undefined {
  const own = settings.text('CHAT_AUTH_SERVICE_KEY')
  if (option !== undefined) return { value: option, source: '--key' }
  if (own !== undefined) return { value: own, source: 'CHAT_AUTH_SERVICE_KEY' }
  const byScopes = readServiceKeys(settings).toSorted((a, b) => b.scopes.length - a.scopes.length)
  const [widest] = byScopes
  if (widest !== undefined) return { value: widest.secret, source: `SERVICE_KEYS, the key ${widest.name}` }
  return keyInFile(keyFile(settings))
}

const keyFile = (settings: SettingsReader): string =>
  join(resolve(settings.text('DATA_DIR') ?? './data'), 'service-key')

function keyInFile(path: string): ServiceKey | undefined {
  try {
    return { value: readFileSync(path, 'utf8').trim(), source: path }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined
    throw wrongUsage(
      `The service key in ${path} cannot be read: ${message}. Run this as the user who runs the service.`,
    )
  }
}

const noKey = (settings: SettingsReader): string =>
  'No service key found: --key, CHAT_AUTH_SERVICE_KEY and SERVICE_KEYS are not set, and there is no file ' +
  `${keyFile(settings)}. Run this in the folder with the .env of the service, or set CHAT_AUTH_SERVICE_KEY to the secret of one of its SERVICE_KEYS.`

const wrongUsage = (message: string): CommandFailure => new CommandFailure(message, exitCodes.wrongUsage)
