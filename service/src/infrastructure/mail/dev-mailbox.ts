import type { Mailbox } from '../../interface-adapters/http/internal/mailbox.ts'
import type { Mail, Mailer } from './mailer.ts'

const KEPT_AT_MOST = 100

/**
 * Keeps the latest mails in memory, for a developer to read. Not in the data folder, which holds nothing personal of deleted
 * users.
 */
export class DevMailbox implements Mailer, Mailbox {
  readonly #mails = new Map<string, Mail>()

  send(mail: Mail): Promise<void> {
    // A repeated delivery replaces the first one, and is the newest.
    this.#mails.delete(mail.id)
    this.#mails.set(mail.id, mail)
    const [oldest] = this.#mails.keys()
    if (this.#mails.size > KEPT_AT_MOST && oldest !== undefined) this.#mails.delete(oldest)
    return Promise.resolve()
  }

  verify(): Promise<void> {
    return Promise.resolve()
  }

  close(): void {
    this.#mails.clear()
  }

  list(): readonly Mail[] {
    return [...this.#mails.values()].toReversed()
  }

  find(id: string): Mail | undefined {
    return this.#mails.get(id)
  }
}
