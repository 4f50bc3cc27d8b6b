import { parseEmailAddress } from '../../domain/email-address.ts'
import { isLoopback } from './loopback.ts'
import { isPrivateHost } from './private-hosts.ts'
import type { SettingsReader } from './settings-reader.ts'

/** The sender of every mail. */
export interface MailSender {
  readonly name: string
  readonly address: string
}

export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** Undefined for a server that needs no login. */
  readonly login: { readonly user: string; readonly password: string } | undefined
  /**
   * `implicit` is TLS from the first byte. `required` is STARTTLS with a checked certificate: mails hold links that act
   * for users. `offered` is STARTTLS if the server has it, for a server on this machine or in a private network.
   */
  readonly tls: 'implicit' | 'required' | 'offered'
}

interface Letters {
  readonly from: MailSender
  /** The folder of the operator's own templates. */
  readonly templates: string | undefined
}

/** How users get mail. `mailbox` keeps it for a developer, who reads it at /mailbox of the internal listener. */
export type MailSettings =
  | ({ readonly kind: 'smtp'; readonly server: SmtpServer } & Letters)
  | ({ readonly kind: 'mailbox' } & Letters)
  | { readonly kind: 'off' }

interface Surroundings {
  readonly databaseUrl: string | undefined
  readonly publicUrl: string
  readonly internalHost: string
  readonly brandName: string
}

const DEFAULT_PORTS = { 'smtp:': 587, 'smtps:': 465 } as const

/** Reads how mail is sent. No message shows a value: SMTP_URL holds a password. */
export function readMail(settings: SettingsReader, surroundings: Surroundings): MailSettings {
  const server = readServer(settings)
  const from = readSender(settings, surroundings.brandName)
  const templates = settings.text('MAIL_TEMPLATES')
  if (settings.text('SMTP_URL') !== undefined) {
    if (settings.text('MAIL_FROM') === undefined) {
      settings.refuse('MAIL_FROM', `is required with SMTP_URL; ${SENDER_WANTED}`)
    }
    if (server === undefined || from === undefined) return { kind: 'off' }
    return { kind: 'smtp', server, from, templates }
  }
  if (isForDevelopers(surroundings)) {
    return { kind: 'mailbox', from: from ?? localSender(surroundings), templates }
  }
  for (const name of ['MAIL_FROM', 'MAIL_TEMPLATES']) {
    if (settings.text(name) !== undefined) settings.refuse(name, 'needs SMTP_URL, the server that sends mail')
  }
  return { kind: 'off' }
}

/**
 * The mailbox shows links that set passwords to every program that reaches the internal listener. So it exists only where
 * everybody who uses the service is on this machine.
 */
const isForDevelopers = ({ databaseUrl, publicUrl, internalHost }: Surroundings): boolean =>
  databaseUrl === undefined && [internalHost, new URL(publicUrl).hostname].every(isLoopback)

const localSender = ({ brandName, publicUrl }: Surroundings): MailSender => ({
  name: brandName,
  address: `no-reply@${new URL(publicUrl).hostname}`,
})

function readServer(settings: SettingsReader): SmtpServer | undefined {
  const text = settings.url('SMTP_URL', ['smtp:', 'smtps:'])
  if (text === undefined) return undefined
  const { protocol, hostname, port, pathname, search, hash, username, password } = new URL(text)
  const user = decoded(username)
  const secret = decoded(password)
  if (pathname.replace('/', '') + search + hash !== '' || user === undefined || secret === undefined) {
    settings.refuse(
      'SMTP_URL',
      'must be smtp://user:password@host:port, with special characters of user and password percent-encoded, and nothing behind the port',
    )
    return undefined
  }
  if ((user === '') !== (secret === '')) {
    settings.refuse('SMTP_URL', 'must have both a user and a password, or neither')
    return undefined
  }
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const tls = protocol === 'smtps:' ? 'implicit' : isPrivateHost(host) ? 'offered' : 'required'
  return {
    host,
    port: port === '' ? DEFAULT_PORTS[protocol as keyof typeof DEFAULT_PORTS] : Number(port),
    login: user === '' ? undefined : { user, password: secret },
    tls,
  }
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

const SENDER_WANTED =
  'write an address, such as no-reply@chat.example.org or Chat <no-reply@chat.example.org>'
/** A name, in quotes if it has special characters, and an address in angle brackets (RFC 5322, 3.4). */
const NAMED_SENDER = /^(?:"((?:[^"\\]|\\.)*)"|([^"<>@,;:\\]*))\s*<([^<>]*)>$/

function readSender(settings: SettingsReader, brandName: string): MailSender | undefined {
  const text = settings.text('MAIL_FROM')
  if (text === undefined) return undefined
  const [, quoted, plain, bracketed] = NAMED_SENDER.exec(text) ?? []
  const name = (quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '').trim()
  try {
    const address = parseEmailAddress(bracketed ?? text).text
    if (!/\p{Cc}/u.test(name)) return { name: name === '' ? brandName : name, address }
  } catch {
    // Refused below, without the value.
  }
  settings.refuse('MAIL_FROM', `is not an address; ${SENDER_WANTED}`)
  return undefined
}
