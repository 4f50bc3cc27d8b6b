import { Command, CommanderError } from 'commander'

export interface ImportOptions {
  readonly from: string
  readonly dryRun: boolean
  /** A file's name, or `-`. */
  readonly report: string
}

/** The options of the command line, or the exit code if the command has already printed help or an error. */
export function readOptions(
  args: readonly string[],
  now: Date,
  output: { out: (text: string) => unknown; err: (text: string) => unknown },
): ImportOptions | 0 | 2 {
  const command = new Command('npm run import --')
    .description(DESCRIPTION)
    .requiredOption('--from <url>', 'the old database: postgresql://user@host:5432/database')
    .option('--dry-run', 'read and check everything, write nothing')
    .option(
      '--report <file>',
      'file for a line about each skipped row; - is standard output',
      reportName(now),
    )
    .allowExcessArguments(false)
    .addHelpText('after', NOTES)
    .showHelpAfterError('Run with --help to see the usage.')
    .configureOutput({ writeOut: output.out, writeErr: output.err })
    .exitOverride()
  try {
    const options = command
      .parse(args, { from: 'user' })
      .opts<Omit<ImportOptions, 'dryRun'> & { dryRun?: true }>()
    // The value may contain a password, so it is not shown.
    if (!isPostgresUrl(options.from))
      command.error('error: --from is not an address such as postgresql://user@host:5432/database')
    return { ...options, dryRun: options.dryRun === true }
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : WRONG_USAGE
  }
}

const WRONG_USAGE = 2

/** A new name for each run, so that no run overwrites another report. */
const reportName = (now: Date): string =>
  `import-report-${now.toISOString().replaceAll(/\.\d+|[:-]/g, '')}.jsonl`

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && ['postgresql:', 'postgres:'].includes(url.protocol) && url.hostname !== ''
}

const DESCRIPTION =
  'Imports the users of the older auth service, with their ids and passwords, into the database of the settings: ' +
  'DATABASE_URL, or the data folder in DATA_DIR. Stop the service first if it uses that data folder.'

const NOTES = `
The old database is only read. Set its password in PGPASSWORD instead of the address, so that no list of processes shows it.
Run it as often as needed: it continues where it was stopped, and does not change users that are already there.

Exit codes: 0 all rows were read, 1 it could not continue or was stopped, 2 wrong usage. More in docs/import.md.`
