import type { Outcome } from '../../application/users/import-users.ts'

/** Counts the outcomes of the rows, and reports them. */
export class ImportCounts {
  total = 0
  readonly #counts = { imported: 0, already_there: 0, skipped: 0 }
  readonly #reasons = new Map<string, number>()
  #pictures = 0

  add(outcomes: readonly Outcome[]): void {
    for (const { row, outcome, remarks } of outcomes) {
      this.#counts[outcome] += 1
      if (outcome !== 'skipped' && row.hasPicture) this.#pictures += 1
      for (const { reason } of remarks) this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1)
    }
  }

  /** Every row that was read is imported, already there or skipped. */
  get totals() {
    const { imported, already_there: alreadyThere, skipped } = this.#counts
    return {
      read: imported + alreadyThere + skipped,
      imported,
      alreadyThere,
      skipped,
      pictures: this.#pictures,
    }
  }

  get progress(): string {
    const { read, imported, alreadyThere, skipped } = this.totals
    const parts = `${count(imported)} imported, ${count(alreadyThere)} already there, ${count(skipped)} skipped`
    return `${count(read)} of ${count(this.total)} read: ${parts}`
  }

  /** A line for each number. The most frequent reasons come first. */
  summary({ dryRun, hasMessaging }: { dryRun: boolean; hasMessaging: boolean }): string {
    const { read, imported, alreadyThere, skipped, pictures } = this.totals
    const reasons = [...this.#reasons].toSorted(([, one], [, other]) => other - one)
    const lines = [
      [read, 'read'],
      [imported, dryRun ? 'would be imported' : 'imported'],
      [alreadyThere, 'already there'],
      [skipped, 'skipped'],
      ...reasons.map(([reason, number]) => [number, `  ${reason}`] as const),
    ] as const
    const table = lines.map(([number, words]) => `${count(number).padStart(12)}  ${words}\n`).join('')
    return table + pictureLine(pictures) + SESSIONS + (dryRun ? '' : messagingLine(imported, hasMessaging))
  }
}

const SESSIONS = 'Sessions are not imported: all users sign in again, with the passwords they have.\n'

const messagingLine = (imported: number, hasMessaging: boolean): string =>
  hasMessaging
    ? `The messaging service will be sent the names and pictures of ${count(imported)} users.\n`
    : 'MESSAGING_URL is not set. If you use the messaging service of the platform, set it, start the service, and run: npx chat-auth outbox tell-messaging --all\n'

const pictureLine = (pictures: number): string =>
  pictures === 0
    ? ''
    : `Pictures are not imported: ${count(pictures)} of these users have an avatar_url and have to upload a picture again.\n`

const count = (number: number): string => number.toLocaleString('en')
