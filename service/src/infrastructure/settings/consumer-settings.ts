import { isPublicAddress, literalAddress } from './outgoing/public-addresses.ts'
import { WEBHOOK_SECRET_PREFIX, type WebhookSettings } from './outgoing/webhook-consumer.ts'
import { weaknessOf } from './secret-strength.ts'
import type { SettingsReader } from './settings-reader.ts'

const WEBHOOKS_AT_MOST = 20
const MAKE_ONE = `make one with: echo ${WEBHOOK_SECRET_PREFIX}$(openssl rand -base64 32)`
/** Standard Webhooks, "Signature scheme": 24 to 64 bytes. */
const SECRET_BYTES = { atLeast: 24, atMost: 64 } as const

export interface ConsumerSettings {
  readonly webhooks: readonly WebhookSettings[]
  /** Whether webhooks may lead into private networks, and go without TLS. */
  readonly webhookAllowPrivate: boolean
  readonly messagingUrl: string | undefined
}

/** Who is told of events. No value is shown: addresses of webhooks may hold secrets. */
export function readConsumers(settings: SettingsReader): ConsumerSettings {
  const webhookAllowPrivate = settings.oneOf('WEBHOOK_ALLOW_PRIVATE', ['true', 'false'], 'false') === 'true'
  const urls = entriesOf(settings, 'WEBHOOK_URLS', ',')
  const problem = urls.map((url) => problemOf(url, webhookAllowPrivate)).find((found) => found !== undefined)
  if (problem !== undefined) settings.refuse('WEBHOOK_URLS', problem)
  if (urls.length > WEBHOOKS_AT_MOST)
    settings.refuse('WEBHOOK_URLS', `names at most ${WEBHOOKS_AT_MOST} addresses`)
  if (new Set(urls).size < urls.length)
    settings.refuse('WEBHOOK_URLS', 'names an address twice; name each once')
  const secrets = readSecrets(settings, urls.length)
  return {
    webhooks: urls.map((url, at) => ({ url, secrets: secrets[at] ?? secrets[0] ?? [] })),
    webhookAllowPrivate,
    messagingUrl: readMessagingUrl(settings),
  }
}

function problemOf(entry: string, allowPrivate: boolean): string | undefined {
  const url = URL.parse(entry)
  const protocols = allowPrivate ? ['https:', 'http:'] : ['https:']
  if (url === null || !protocols.includes(url.protocol)) {
    return allowPrivate
      ? 'holds addresses that start with https:// or http://, separated by commas'
      : 'holds addresses that start with https://, separated by commas; http:// only with WEBHOOK_ALLOW_PRIVATE=true'
  }
  if (url.username + url.password + url.hash !== '') return 'may hold no name, password or # in an address'
  const address = literalAddress(url)
  if (!allowPrivate && address !== undefined && !isPublicAddress(address)) {
    return 'holds a private address; allow such with WEBHOOK_ALLOW_PRIVATE=true'
  }
  return undefined
}

/** Of each address the secrets it signs with. */
function readSecrets(settings: SettingsReader, count: number): readonly (readonly string[])[] {
  const groups = entriesOf(settings, 'WEBHOOK_SECRETS', ',').map((group) => group.split('|'))
  if (!groups.flat().every(isSecret)) {
    settings.refuse(
      'WEBHOOK_SECRETS',
      `holds ${WEBHOOK_SECRET_PREFIX} and the base64 of ${SECRET_BYTES.atLeast} to ${SECRET_BYTES.atMost} random bytes each; ${MAKE_ONE}`,
    )
  } else if (count > 0 && groups.length !== 1 && groups.length !== count) {
    settings.refuse(
      'WEBHOOK_SECRETS',
      `holds one secret for all of WEBHOOK_URLS, or one for each in their order; ${MAKE_ONE}`,
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
    bytes.length >= SECRET_BYTES.atLeast &&
    bytes.length <= SECRET_BYTES.atMost &&
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
      'is an address alone, such as http://messaging:8000: no name, password, ? or #',
    )
  }
  return text
}

function entriesOf(settings: SettingsReader, name: string, separator: string): readonly string[] {
  const entries = (settings.text(name) ?? '').split(separator).map((entry) => entry.trim())
  return entries.filter((entry) => entry !== '')
}
