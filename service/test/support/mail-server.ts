// A real SMTP server for tests. It keeps what it accepts, and refuses or hangs as a test wants.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import PostalMime, { type Email } from 'postal-mime'
import {
  SMTPServer,
  type SMTPServerDataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server'

export interface ReceivedMail {
  /** The addresses of the envelope. */
  readonly from: string
  readonly to: readonly string[]
  /** As it was sent. */
  readonly raw: string
  readonly mail: Email
  readonly isEncrypted: boolean
}

/** The step of a delivery at which a test refuses or hangs. */
type Step = 'greeting' | 'login' | 'sender' | 'recipient' | 'mail'

export class MailServer {
  /** Every accepted mail, in order of arrival. */
  readonly received: ReceivedMail[] = []
  /** Every attempt that came as far as the recipient. */
  readonly attempts: string[] = []
  /**
   * Returns the reply that refuses a step, such as `550 5.1.1 no such user`; `hang` never replies, and `swallow` accepts a
   * mail without a reply.
   */
  refuse: (step: Step, subject: string) => string | undefined = () => undefined
  readonly #options: SMTPServerOptions
  #server: SMTPServer
  #port = 0
  #waiting: (() => void)[] = []

  constructor(options: SMTPServerOptions) {
    this.#options = options
    this.#server = this.#create()
  }

  static async start(options: SMTPServerOptions = {}): Promise<MailServer> {
    const server = new MailServer(options)
    await server.up()
    return server
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.#port}`
  }

  /** The mails to an address, the oldest first. */
  to(address: string): readonly Email[] {
    return this.received.filter(({ to }) => to.includes(address)).map(({ mail }) => mail)
  }

  /** Resolves after the next attempt, accepted or not. */
  called(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves when the condition holds. It is checked after every attempt. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.called()
  }

  /** Refuses connections from now on. */
  async down(): Promise<void> {
    for (const { _socket: socket } of this.#server.connections as Iterable<{
      _socket: { destroy(): void }
    }>) {
      socket.destroy()
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** Listens at the same address as before. */
  async up(): Promise<void> {
    this.#server = this.#create()
    this.#server.on('error', () => undefined)
    await once(this.#server.listen(this.#port, '127.0.0.1'), 'listening')
    this.#port = (this.#server.server.address() as AddressInfo).port
  }

  #create(): SMTPServer {
    return new SMTPServer({
      authOptional: true,
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      closeTimeout: 1,
      logger: false,
      onConnect: (_session, done) => this.#judge('greeting', '', done),
      onAuth: ({ username = '', password }, _session, done) =>
        this.#judge('login', `${username} ${password ?? ''}`, (error) =>
          error === undefined || error === null ? done(null, { user: username }) : done(error),
        ),
      onMailFrom: ({ address }, _session, done) => this.#judge('sender', address, done),
      onRcptTo: ({ address }, _session, done) => {
        this.attempts.push(address)
        this.#judge('recipient', address, done)
      },
      onData: (stream, session, done) => {
        // A client that disconnects in the middle of a mail has sent none.
        void this.#take(stream, session, done).catch(() => undefined)
      },
      ...this.#options,
    })
  }

  async #take(
    stream: SMTPServerDataStream,
    { envelope: { mailFrom, rcptTo }, secure }: SMTPServerSession,
    done: (error?: Error | null) => void,
  ): Promise<void> {
    const bytes = await buffer(stream)
    const mail = await PostalMime.parse(bytes)
    const to = rcptTo.map(({ address }) => address)
    const from = mailFrom === false ? '' : mailFrom.address
    const take = () => this.received.push({ from, to, raw: bytes.toString(), mail, isEncrypted: secure })
    this.#judge('mail', to.join(), (error, isSwallowed = false) => {
      if (error === undefined || error === null) take()
      if (!isSwallowed) done(error)
      this.#notify()
    })
  }

  #judge(step: Step, subject: string, done: (error?: Error | null, isSwallowed?: boolean) => void): void {
    const reply = this.refuse(step, subject)
    if (reply === 'swallow') {
      done(null, true)
      return
    }
    if (reply === 'hang') {
      this.#notify()
      return
    }
    const [code = '', ...words] = (reply ?? '').split(' ')
    done(
      reply === undefined ? null : Object.assign(new Error(words.join(' ')), { responseCode: Number(code) }),
    )
    if (reply !== undefined) this.#notify()
  }

  #notify(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
