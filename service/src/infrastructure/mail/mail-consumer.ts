import { ApplicationError } from '../../application/errors.ts'
import type { AttemptLimits } from '../../application/ports/attempt-limits.ts'
import type { StoredEvent } from '../../application/ports/deliveries.ts'
import type { EventConsumer } from '../../application/ports/event-consumer.ts'
import type { Users } from '../../application/ports/users.ts'
import { MAIL } from '../../domain/delivery.ts'
import { isDisabled } from '../../domain/user.ts'
import type { Letter, LettersDeps } from './letter.ts'
import { composeLetter, hasLetter } from './letters.ts'
import type { Mailer } from './mailer.ts'

interface MailConsumerDeps extends Omit<LettersDeps, 'users'> {
  readonly users: Pick<Users, 'find' | 'findByEmail'>
  readonly attempts: Pick<AttemptLimits, 'take'>
  readonly mailer: Mailer
}

/** Sends at most one mail for each event, so that a repeated delivery repeats nothing else. */
export class MailConsumer implements EventConsumer {
  readonly name = MAIL
  readonly #deps: MailConsumerDeps

  constructor(deps: MailConsumerDeps) {
    this.#deps = deps
  }

  wants(event: StoredEvent): boolean {
    return hasLetter(event)
  }

  async receive(event: StoredEvent, now: Date, attempt: number): Promise<void> {
    const user = await this.#deps.users.find(event.userId)
    if (user === undefined || isDisabled(user, now)) return
    const letter = await composeLetter(this.#deps, { event, user, now })
    if (letter === undefined) return
    // Later attempts are of the same mail. If they counted, a mail that was interrupted too often would be lost.
    if (attempt === 1 && !(await this.#mayBeSent(letter, now))) return
    const { to, subject, text, html } = letter
    await this.#deps.mailer.send({ id: event.id, to, subject, text, html, sentAt: now })
  }

  /** A mail beyond its budget is not sent, later either: a stranger caused it. */
  async #mayBeSent({ budget }: Letter, now: Date): Promise<boolean> {
    if (budget === undefined) return true
    try {
      await this.#deps.attempts.take([budget], now)
      return true
    } catch (error) {
      if (error instanceof ApplicationError && error.code === 'too_many_attempts') return false
      throw error
    }
  }
}
