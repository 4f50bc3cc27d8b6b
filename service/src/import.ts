// First, so that an older Node.js that reads TypeScript gets one line instead of a failure, or of nothing.
import '../bin/check-node.js'
import type { Writable } from 'node:stream'
import { importUsers } from './application/users/import-users.ts'
import { reserveUsernames } from './domain/reserved-usernames.ts'
import { readConfig, type Config } from './infrastructure/settings/config.ts'
import { loadEnvironment } from './infrastructure/settings/environment.ts'
import { passlibPbkdf2Sha256 } from './infrastructure/crypto/foreign-password-hashes.ts'
import { explainFailure } from './infrastructure/process/explain-failure.ts'
import { CannotImport } from './infrastructure/import/cannot-import.ts'
import { ImportCounts } from './infrastructure/import/import-counts.ts'
import { readOptions, type ImportOptions } from './infrastructure/import/options.ts'
import { PostgresOldUsers } from './infrastructure/import/postgres-old-users.ts'
import { Progress } from './infrastructure/import/progress.ts'
import { openReport } from './infrastructure/import/report-file.ts'
import { openTarget } from './infrastructure/import/target.ts'
import type { MaintenanceSettings } from './infrastructure/storage/open-for-maintenance.ts'

interface Surroundings {
  readonly stdout: Writable
  /** Messages for the operator. */
  readonly stderr: Writable & { readonly isTTY?: boolean }
  readonly shouldStop: () => boolean
}

/** Builds the import by hand and runs it. Returns its counts, and whether it read every row. */
export async function runImport(
  { from, dryRun, report: reportName }: ImportOptions,
  config: MaintenanceSettings & Pick<Config, 'reservedUsernames' | 'messagingUrl' | 'mail'>,
  { stdout, stderr, shouldStop }: Surroundings,
) {
  const counts = new ImportCounts()
  const progress = new Progress(stderr)
  await using opened = new AsyncDisposableStack()
  const oldUsers = opened.adopt(await PostgresOldUsers.open(from), (source) => source.close())
  const target = opened.adopt(await openTarget(config, { dryRun, source: oldUsers.database }), (place) =>
    place.close(),
  )
  const report = opened.adopt(await openReport(reportName, stdout), (file) => file.close())
  const { importedUsers, clock } = target
  const { recognises: recognisesHash } = passlibPbkdf2Sha256
  const reservedUsernames = reserveUsernames(config.reservedUsernames)
  const hasMessaging = config.messagingUrl !== undefined
  stderr.write(`${dryRun ? 'Dry run: nothing is written' : 'Importing'} to ${target.location}\n`)
  try {
    const mailIsOn = config.mail.kind !== 'off'
    const rules = { recognisesHash, reservedUsernames, hasMessaging, mailIsOn }
    const end = await importUsers({ oldUsers, importedUsers, clock, ...rules })({
      begin: (count) => (counts.total = count),
      note: async (outcomes) => {
        counts.add(outcomes)
        await report.write(outcomes)
        progress.show(counts.totals.read, counts.progress)
      },
      shouldStop,
    })
    progress.end()
    stderr.write(
      end === 'done'
        ? counts.summary({ dryRun, hasMessaging })
        : `Stopped: ${counts.progress}.\n${RUN_AGAIN}`,
    )
    return { ...counts.totals, isDone: end === 'done' }
  } catch (error) {
    progress.end()
    if (counts.totals.read > 0) stderr.write(`Failed: ${counts.progress}.\n${RUN_AGAIN}`)
    throw error
  }
}

const RUN_AGAIN = 'Run the same command again to continue. Users that were imported are skipped.\n'

async function runCommand(args: readonly string[]): Promise<number> {
  const { stdout, stderr } = process
  // If the reader has closed the pipe, the write fails and says so. Without a handler the error would end the process.
  stdout.on('error', () => undefined)
  // A terminal that was closed takes no more messages.
  stderr.on('error', () => undefined)
  let isStopping = false
  const stop = (): void => {
    isStopping = true
    stderr.write('\nStopping after the current batch.\n')
  }
  try {
    const options = readOptions(args, new Date(), {
      out: (text) => stdout.write(text),
      err: (text) => stderr.write(text),
    })
    if (typeof options === 'number') return options
    process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop)
    const { environment, warnings } = loadEnvironment()
    for (const warning of warnings) stderr.write(`Warning: ${warning}\n`)
    const config = readConfig(environment)
    const { isDone, skipped } = await runImport(options, config, {
      stdout,
      stderr,
      shouldStop: () => isStopping,
    })
    if (skipped > 0 && options.report !== '-')
      stderr.write(`Each skipped row is a line in ${options.report}\n`)
    return isDone ? 0 : 1
  } catch (error) {
    stderr.write(`${error instanceof CannotImport ? error.message : explainFailure(error)}\n`)
    return 1
  }
}

if (import.meta.main) process.exitCode = await runCommand(process.argv.slice(2))
