/** One mail to one address, ready to be sent. */
export interface Mail {
  /** The same at every attempt, so that a duplicate can be recognised. Becomes the Message-ID. */
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly sentAt: Date
}

export interface Mailer {
  /**
   * Resolves when the mail was accepted. Otherwise rejects with `DeliveryFailed`, well before the lease of the delivery
   * ends. A mail may have been accepted although the promise rejects.
   */
  send(mail: Mail): Promise<void>

  /** Resolves if mail would be accepted now. Otherwise rejects with `DeliveryFailed`. */
  verify(): Promise<void>

  /** Ends the attempts in flight, which then fail, and closes the connections. Nothing is sent afterwards. */
  close(): void
}
