export interface KeptMail {
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly sentAt: Date
}

/** The mails that a service without a mail server has kept for its developer. */
export interface Mailbox {
  /** The newest first. */
  list(): readonly KeptMail[]
  find(id: string): KeptMail | undefined
}
