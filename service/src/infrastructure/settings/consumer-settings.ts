import { isPublicAddress, literalAddress } from './public-addresses.ts'
import { weaknessOf } from './secret-strength.ts'
import type { SettingsReader } from './settings-reader.ts'

/** Precedes the base64 of a secret (Standard Webhooks, "Signature scheme"). */
export const WEBHOOK_SECRET_PREFIX = 'whsec_'

const MAXIMUM_WEBHOOKS = 20
const MAKE_A_WEBHOOK_SECRET = `make one with: echo ${WEBHOOK_SECRET_PREFIX}$(openssl rand -base64 32)`
/** Standard Webhooks, "Signature scheme": 24 to 64 bytes. */
const SECRET_BYTES = { minimum: 24, maximum: 64 } as const

export interface WebhookSettings {
  readonly url: string
  /** Each of them signs, so that a receiver may hold either one while a secret is being replaced. */
  readonly secrets: readonly string[]
}

export interface ConsumerSettings {
  readonly webhooks: readonly WebhookSettings[]
  /** Allows webhooks to private networks and without TLS. */
  readonly webhookAllowPrivate: boolean
  readonly messagingUrl: string | undefined
}

/** Reads who receives events. No message shows a value: addresses of webhooks may hold secrets. */
export function readConsumers(settings: SettingsReader): ConsumerSettings {
  const webhookAllowPrivate = settings.oneOf('WEBHOOK_ALLOW_PRIVATE', ['true', 'false'], 'false') === 'true'
  const urls = entriesOf(settings, 'WEBHOOK_URLS', ',')
  const problem = urls.map((url) => problemOf(url, webhookAllowPrivate)).find((found) => found !== undefined)
  if (problem !== undefined) settings.refuse('WEBHOOK_URLS', problem)
  if (urls.length > MAXIMUM_WEBHOOKS)
    settings.refuse('WEBHOOK_URLS', `must hold at most ${MAXIMUM_WEBHOOKS} addresses`)
  if (new Set(urls).size < urls.length)
    settings.refuse('WEBHOOK_URLS', 'holds an address twice; name each one once')
  const secrets = readSecrets(settings, urls.length)
  return {
    webhooks: urls.map((url, index) => ({ url, secrets: secrets[index] ?? secrets[0] ?? [] })),
    webhookAllowPrivate,
    messagingUrl: readMessagingUrl(settings),
  }
}

function problemOf(entry: string, allowPrivate: boolean): string | undefined {
  const url = URL.parse(entry)
  const protocols = allowPrivate ? ['https:', 'http:'] : ['https:']
  if (url === null || !protocols.includes(url.protocol)) {
    return allowPrivate
      ? 'must hold addresses that start with https:// or http://, separated by commas'
      : 'must hold addresses that start with https://, separated by commas; http:// needs WEBHOOK_ALLOW_PRIVATE=true'
  }
  if (url.username + url.password + url.hash !== '') return 'must hold addresses without user, password and #'
  const address = literalAddress(url)
  if (!allowPrivate && address !== undefined && !isPublicAddress(address)) {
    return 'holds a private address, which needs WEBHOOK_ALLOW_PRIVATE=true'
  }
  return undefined
}

/** One group of secrets for all addresses, or one for each. The secrets of a group are separated by `|`. */
function readSecrets(settings: SettingsReader, count: number): readonly (readonly string[])[] {
  const groups = entriesOf(settings, 'WEBHOOK_SECRETS', ',').map((group) => group.split('|'))
  if (!groups.flat().every(isSecret)) {
    settings.refuse(
      'WEBHOOK_SECRETS',
      `must hold ${WEBHOOK_SECRET_PREFIX} and the base64 of ${SECRET_BYTES.minimum} to ${SECRET_BYTES.maximum} random bytes for each secret; ${MAKE_A_WEBHOOK_SECRET}`,
    )
  } else if (count > 0 && groups.length !== 1 && groups.length !== count) {
    settings.refuse(
      'WEBHOOK_SECRETS',
      `must hold one secret for all of WEBHOOK_URLS, or one for each in the same order; ${MAKE_A_WEBHOOK_SECRET}`,
    )
  } else if (count === 0 && groups.length > 0) {
    settings.refuse('WEBHOOK_SECRETS', 'is only for WEBHOOK_URLS; leave it out')
  }
  return groups
}

function isSecret(text: string): boolean {
  const encoded = text.slice(WEBHOOK_SECRET_PREFIX.length)
  const bytes = Buffer.from(encoded, 'base64')
  return (
    text.startsWith(WEBHOOK_SECRET_PREFIX) &&
    bytes.toString('base64') === encoded &&
    bytes.length >= SECRET_BYTES.minimum &&
    bytes.length <= SECRET_BYTES.maximum &&
    weaknessOf(encoded) === undefined
  )
}

function readMessagingUrl(settings: SettingsReader): string | undefined {
  const text = settings.url('MESSAGING_URL', ['http:', 'https:'])
  if (text === undefined) return undefined
  const { search, hash, username, password } = new URL(text)
  if (search + hash + username + password !== '') {
    settings.refuse(
      'MESSAGING_URL',
      'must be an address only, such as http://messaging:8000: without user, password, ? and #',
    )
  }
  return text
}

function entriesOf(settings: SettingsReader, name: string, separator: string): readonly string[] {
  const entries = (settings.text(name) ?? '').split(separator).map((entry) => entry.trim())
  return entries.filter((entry) => entry !== '')
}
