import type { RepeatedChanges } from '../../application/sessions/repeat-changes.ts'

export interface RestoreOptions {
  /** `end`: everybody signs in again. `keep`: sessions go on, and newer refresh tokens roll them forward. */
  readonly sessions: 'end' | 'keep'
}

export interface RestoreReport extends RepeatedChanges {
  readonly endedByCommand: number
}

/** Describes the result of a restore, and the risk of sessions that go on. */
export function describeRestore(report: RestoreReport, { sessions }: RestoreOptions): string {
  const { endedAgain, disabled, enabled, unknownUsers, endedByCommand } = report
  const lines = [
    `Sessions ended again: ${endedAgain}`,
    `Users disabled again: ${disabled}, enabled again: ${enabled}, unknown to the backup: ${unknownUsers}`,
    sessions === 'end' ? `Sessions of all users ended: ${endedByCommand}. Everybody signs in again.` : KEPT,
    'The database is ready. Start the instances.',
  ]
  return `${lines.join('\n')}\n`
}

const KEPT = `Sessions go on. The backup does not know which refresh tokens were spent after it. So a stolen copy of such a token works
until the owner of the session returns. From then on it is refused, and the session ends if it is used.`
