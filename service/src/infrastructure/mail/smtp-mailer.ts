import { createTransport } from 'nodemailer'
import { LANES } from '../../application/outbox/deliver-events.ts'
import { DeliveryFailed } from '../../application/ports/event-consumer.ts'
import { emailKey } from '../../domain/email-address.ts'
import type { MailSender, SmtpServer } from '../settings/mail-settings.ts'
import type { Mail, Mailer } from './mailer.ts'
import { smtpFailure } from './smtp-failure.ts'

export interface SmtpTimes {
  /** For each step: resolving the name, connecting, the greeting, and each reply. */
  readonly stepMs: number
  /** For all steps together. Shorter than the lease of a delivery (domain/delivery.ts). */
  readonly attemptMs: number
}

export const SMTP_TIMES: SmtpTimes = { stepMs: 5_000, attemptMs: 10_000 }

/** Sends mail through a server, over connections that stay open between mails that follow each other closely. */
export class SmtpMailer implements Mailer {
  readonly #from: MailSender
  readonly #attemptMs: number
  readonly #transport: ReturnType<typeof transportTo>
  readonly #closing = new AbortController()

  constructor(server: SmtpServer, from: MailSender, { stepMs, attemptMs }: SmtpTimes = SMTP_TIMES) {
    this.#from = from
    this.#attemptMs = attemptMs
    this.#transport = transportTo(server, stepMs)
  }

  async send({ id, to, subject, text, html, sentAt }: Mail): Promise<void> {
    // The library reads a list in an address, and would send to each of them.
    if (emailKey(to) === undefined)
      throw new DeliveryFailed('the address is malformed', { isPermanent: true })
    const { name, address } = this.#from
    const signal = this.#limit()
    try {
      await this.#transport.sendMail({
        from: { name, address },
        to: { name: '', address: to },
        envelope: { from: address, to: [to] },
        messageId: `<${id}@${address.slice(address.lastIndexOf('@') + 1)}>`,
        date: sentAt,
        subject,
        text,
        html,
        // Programs that reply to mail by themselves stay quiet (RFC 3834, section 5; the other one is Exchange's).
        headers: { 'auto-submitted': 'auto-generated', 'x-auto-response-suppress': 'All' },
        signal,
      })
    } catch (error) {
      throw this.#failureOf(error, signal)
    }
  }

  async verify(): Promise<void> {
    const signal = this.#limit()
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('late')), { once: true })
    })
    try {
      await Promise.race([this.#transport.verify(), late])
    } catch (error) {
      throw this.#failureOf(error, signal)
    }
  }

  close(): void {
    this.#closing.abort()
    this.#transport.close()
  }

  #limit(): AbortSignal {
    return AbortSignal.any([AbortSignal.timeout(this.#attemptMs), this.#closing.signal])
  }

  #failureOf(error: unknown, signal: AbortSignal): DeliveryFailed {
    if (this.#closing.signal.aborted) return new DeliveryFailed('the service stopped while it was sent')
    if (!signal.aborted) return smtpFailure(error)
    return new DeliveryFailed(`the mail server did not finish within ${this.#attemptMs / 1_000} seconds`)
  }
}

function transportTo({ host, port, login, tls }: SmtpServer, stepMs: number) {
  return createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'required',
    // A server in a private network is believed anyway, so TLS with any certificate is better than none.
    tls: { rejectUnauthorized: tls !== 'offered' },
    // Without it, a server that offers no login would get mails without one.
    ...(login && { auth: { user: login.user, pass: login.password }, forceAuth: true }),
    pool: true,
    maxConnections: LANES,
    // The outbox repeats a delivery, and counts the attempts.
    maxRequeues: 0,
    dnsTimeout: stepMs,
    connectionTimeout: stepMs,
    greetingTimeout: stepMs,
    socketTimeout: stepMs,
    idleTimeout: stepMs / 2,
    // No part of a mail comes from a file or an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}
