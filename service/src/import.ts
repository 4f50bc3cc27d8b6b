import type { Writable } from 'node:stream'
import { importUsers } from './application/users/import-users.ts'
import { loadEnvironment, readConfig, type Config } from './infrastructure/config.ts'
import { passlibPbkdf2Sha256 } from './infrastructure/crypto/foreign-password-hashes.ts'
import { explainFailure } from './infrastructure/explain-failure.ts'
import { CannotImport } from './infrastructure/import/cannot-import.ts'
import { ImportTally } from './infrastructure/import/import-tally.ts'
import { readOptions, type ImportOptions } from './infrastructure/import/options.ts'
import { PostgresOldUsers } from './infrastructure/import/postgres-old-users.ts'
import { Progress } from './infrastructure/import/progress.ts'
import { openReport } from './infrastructure/import/report-file.ts'
import { openTarget } from './infrastructure/import/target.ts'

interface Surroundings {
  readonly stdout: Writable
  /** Words for people. */
  readonly stderr: Writable & { readonly isTTY?: boolean }
  readonly shouldStop: () => boolean
}

/** Wires the import by hand and runs it. Answers what it counted, and whether it read every row. */
export async function runImport(
  { from, dryRun, report: reportName }: ImportOptions,
  config: Pick<Config, 'databaseUrl' | 'dataDir'>,
  { stdout, stderr, shouldStop }: Surroundings,
) {
  const tally = new ImportTally()
  const progress = new Progress(stderr)
  await using opened = new AsyncDisposableStack()
  const oldUsers = opened.adopt(await PostgresOldUsers.open(from), (source) => source.close())
  const target = opened.adopt(await openTarget(config, dryRun), (place) => place.close())
  const report = opened.adopt(await openReport(reportName, stdout), (file) => file.close())
  const { importedUsers, clock } = target
  const { recognises: recognisesHash } = passlibPbkdf2Sha256
  stderr.write(`${dryRun ? 'Dry run: nothing is written' : 'Importing'} to ${target.place}\n`)
  try {
    const end = await importUsers({ oldUsers, importedUsers, recognisesHash, clock })({
      begin: (count) => (tally.total = count),
      note: async (outcomes) => {
        tally.add(outcomes)
        await report.write(outcomes)
        progress.show(tally.counts.read, tally.progress)
      },
      shouldStop,
    })
    progress.end()
    stderr.write(end === 'done' ? tally.summary(dryRun) : `Stopped: ${tally.progress}.\n${GO_ON}`)
    return { ...tally.counts, isDone: end === 'done' }
  } catch (error) {
    progress.end()
    if (tally.counts.read > 0) stderr.write(`Failed: ${tally.progress}.\n${GO_ON}`)
    throw error
  }
}

const GO_ON = 'Run the same command again to go on: whoever was imported stays and is passed over.\n'

async function runCommand(args: readonly string[]): Promise<number> {
  const { stdout, stderr } = process
  // A reader that has gone is told of by the write that fails; without a listener it would end the process.
  stdout.on('error', () => undefined)
  let isStopping = false
  const stop = (): void => {
    isStopping = true
    stderr.write('\nStopping; what is under way is finished first.\n')
  }
  try {
    const options = readOptions(args, new Date(), {
      out: (text) => stdout.write(text),
      err: (text) => stderr.write(text),
    })
    if (typeof options === 'number') return options
    process.on('SIGINT', stop).on('SIGTERM', stop)
    const config = readConfig(loadEnvironment())
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
