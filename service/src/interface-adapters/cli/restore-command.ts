import type { RepeatedChanges } from '../../application/sessions/repeat-changes.ts'

export interface RestoreOptions {
  /** `end`: everybody signs in again. `keep`: sessions go on, and newer refresh tokens roll them forward. */
  readonly sessions: 'end' | 'keep'
  readonly dryRun?: true
  readonly yes?: true
}

export interface RestoreReport extends RepeatedChanges {
  /** The database, for messages. */
  readonly location: string
  readonly endedByCommand: number
}

/** Describes the result of a restore, or what it would do, and the risk of sessions that go on. */
export function describeRestore(report: RestoreReport, { sessions, dryRun }: RestoreOptions): string {
  const { location, endedAgain, disabled, enabled, unknownUsers, endedByCommand } = report
  const would = dryRun ? 'that would be ' : ''
  const lines = [
    ...(dryRun ? [`Dry run for ${location}: nothing was changed.`] : []),
    `Sessions ${would}ended again: ${endedAgain}`,
    `Users ${would}disabled again: ${disabled}, enabled again: ${enabled}, unknown to the backup: ${unknownUsers}`,
    sessions === 'end'
      ? `Sessions of all users ${would}ended: ${endedByCommand}. Everybody signs in again.`
      : KEPT,
    dryRun
      ? 'To do it, run it again with --yes instead of --dry-run.'
      : 'The database is ready. Start the instances.',
  ]
  return `${lines.join('\n')}\n`
}

/** Asked at a terminal, where standard input has no log. */
export const restoreQuestion = (location: string, liveSessions: number | undefined): string => {
  const known = `Restore ${location} without a log on standard input? Sessions that ended since the backup`
  return liveSessions === undefined
    ? `${known} go on, and bans are not repeated.`
    : `${known} are not known, and bans are not repeated. All ${liveSessions} sessions end.`
}

const KEPT = `Sessions go on. The backup does not know which refresh tokens were spent after it. So a stolen copy of such a token works
until the owner of the session returns. From then on it is refused, and the session ends if it is used.`
