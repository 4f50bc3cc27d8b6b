import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CommandFailure, exitCodes } from '../../interface-adapters/cli/exit-codes.ts'
import type { GlobalOptions } from '../../interface-adapters/cli/program.ts'
import { SettingsError, SettingsReader, type Environment } from '../settings-reader.ts'

export interface Connection {
  /** Without a slash at the end. */
  readonly url: string
  readonly key: ServiceKey
}

interface ServiceKey {
  /** Never shown. */
  readonly value: string
  /** Where it was found, in words. */
  readonly source: string
}

/** What an Authorization header can carry (RFC 6750, section 2.1). */
const BEARER_TOKEN = /^[\w.~+/-]+=*$/
/** Addresses to listen at that are none to call. */
const CALLED_AS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Where the service is and what it is shown, from the options and the settings. Throws CommandFailure. */
export function connectionOf(options: GlobalOptions, environment: Environment): Connection {
  try {
    const settings = new SettingsReader(environment)
    const url = options.url === undefined ? defaultUrl(settings) : givenUrl(options.url)
    const key = findKey(options.key, settings)
    settings.finish()
    if (key === undefined) throw wrong(noKey(settings))
    if (!BEARER_TOKEN.test(key.value)) throw wrong(`The key from ${key.source} holds what no key can hold.`)
    return { url, key }
  } catch (error) {
    throw error instanceof SettingsError ? wrong(error.message) : error
  }
}

function defaultUrl(settings: SettingsReader): string {
  const port = settings.port('INTERNAL_PORT', 8010)
  if (port === 0) settings.refuse('INTERNAL_PORT', 'is 0, so the system chose one: name it with --url')
  const host = settings.text('INTERNAL_HOST') ?? '127.0.0.1'
  const called = CALLED_AS[host] ?? host
  return `http://${called.includes(':') ? `[${called}]` : called}:${port}`
}

function givenUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw wrong('--url is an address such as http://127.0.0.1:8010.')
  }
  if (url.username + url.password + url.search + url.hash !== '') {
    throw wrong('--url is an address alone, such as http://127.0.0.1:8010: no name, password, ? or #.')
  }
  return (url.origin + url.pathname).replace(/\/+$/, '')
}

function findKey(option: string | undefined, settings: SettingsReader): ServiceKey | undefined {
  const own = settings.text('CHAT_AUTH_SERVICE_KEY')
  const first = settings
    .text('SERVICE_KEYS')
    ?.split(',')
    .map((key) => key.trim())
    .find((key) => key !== '')
  if (option !== undefined) return { value: option, source: '--key' }
  if (own !== undefined) return { value: own, source: 'CHAT_AUTH_SERVICE_KEY' }
  if (first !== undefined) return { value: first, source: 'SERVICE_KEYS, the first one' }
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
    throw wrong(
      `The service key in ${path} cannot be read: ${message}. Run this as the user who runs the service.`,
    )
  }
}

const noKey = (settings: SettingsReader): string =>
  'There is no service key: --key, CHAT_AUTH_SERVICE_KEY and SERVICE_KEYS are not set, and there is no file ' +
  `${keyFile(settings)}. Run this where the .env of the service is, or set CHAT_AUTH_SERVICE_KEY to one of its SERVICE_KEYS.`

const wrong = (message: string): CommandFailure => new CommandFailure(message, exitCodes.wrongUsage)
