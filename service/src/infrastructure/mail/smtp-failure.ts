import { DeliveryFailed } from '../../application/ports/event-consumer.ts'

/** The fields that nodemailer adds to an error. */
interface SmtpError {
  readonly code?: string
  readonly command?: string
  readonly responseCode?: number
  readonly response?: string
}

/** Why a mail was not accepted, in words for operators: no address, and nothing that the server wrote but its codes. */
export function smtpFailure(error: unknown): DeliveryFailed {
  const { code, command, responseCode, response = '' } = error as SmtpError
  const place = COMMANDS.find((known) => command?.startsWith(known) === true) ?? 'CONN'
  if (responseCode === undefined) {
    return new DeliveryFailed(
      `the mail server cannot be used: ${KNOWN_CODES.get(code ?? '') ?? 'the connection ended'}`,
    )
  }
  const enhanced = ENHANCED_CODE.exec(response)?.[1]
  const codes = [responseCode, enhanced].filter((each) => each !== undefined).join(' ')
  const message = `the mail server responded with ${codes} to ${PLACES[place]}`
  const isOfThisEvent = refusesRecipient({ place, responseCode, enhanced })
  return new DeliveryFailed(message, { isPermanent: isOfThisEvent && responseCode >= 500, isOfThisEvent })
}

/** The steps of a delivery that a server can refuse. The command of a login also names its method. */
const COMMANDS = ['AUTH', 'MAIL FROM', 'RCPT TO', 'DATA'] as const
const PLACES = {
  CONN: 'the connection',
  AUTH: 'the login',
  'MAIL FROM': 'the sender',
  'RCPT TO': 'the recipient',
  DATA: 'the mail',
} as const

/** RFC 3463, section 2. */
const ENHANCED_CODE = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/

interface Refusal {
  readonly place: keyof typeof PLACES
  readonly responseCode: number
  readonly enhanced: string | undefined
}

/**
 * Whether the server refuses this recipient, for now or for good. A server that refuses us, for example because it does not
 * relay for us (5.7.1), refuses all mails until an operator acts: those are retried. Enhanced codes 1 and 2 are about the address and
 * its mailbox (RFC 3463, section 3). Without one, these replies to the recipient mean that there is no such mailbox
 * (RFC 5321, section 4.2.3).
 */
function refusesRecipient({ place, responseCode, enhanced }: Refusal): boolean {
  if (!['RCPT TO', 'DATA'].includes(place)) return false
  if (enhanced !== undefined) return /^[45]\.[12]\./.test(enhanced)
  return place === 'RCPT TO' && [450, 550, 551, 553].includes(responseCode)
}

const KNOWN_CODES: ReadonlyMap<string, string> = new Map([
  ['ETIMEDOUT', 'it did not respond in time'],
  ['EDNS', 'its name leads to no address'],
  ['ESOCKET', 'there is no connection'],
  ['ECONNECTION', 'the connection ended'],
  ['ETLS', 'there is no TLS with a valid certificate'],
  ['EAUTH', 'it offers no login that we know'],
  ['EPROTOCOL', 'it does not speak SMTP'],
])
