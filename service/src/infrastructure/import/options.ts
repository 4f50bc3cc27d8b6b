import { Command, CommanderError } from 'commander'

export interface ImportOptions {
  readonly from: string
  readonly dryRun: boolean
  /** A file's name, or `-`. */
  readonly report: string
}

/** What the command line asked for, or the exit code when everything has been said already. */
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
      'where to write a line for each skipped row; - is standard output',
      reportName(now),
    )
    .allowExcessArguments(false)
    .addHelpText('after', NOTES)
    .showHelpAfterError('Run it with --help to see how it is used.')
    .configureOutput({ writeOut: output.out, writeErr: output.err })
    .exitOverride()
  try {
    const options = command
      .parse(args, { from: 'user' })
      .opts<Omit<ImportOptions, 'dryRun'> & { dryRun?: true }>()
    // The value may hold a password, so it is not shown.
    if (!isPostgresUrl(options.from))
      command.error('error: --from is not an address such as postgresql://user@host:5432/database')
    return { ...options, dryRun: options.dryRun === true }
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : WRONG_USAGE
  }
}

const WRONG_USAGE = 2

/** A new one for each run: none writes over another's. */
const reportName = (now: Date): string =>
  `import-report-${now.toISOString().replaceAll(/\.\d+|[:-]/g, '')}.jsonl`

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && ['postgresql:', 'postgres:'].includes(url.protocol) && url.hostname !== ''
}

const DESCRIPTION =
  'Brings the users of the older auth service over, with their ids and passwords, into the database that the settings ' +
  'name: DATABASE_URL, or the data folder in DATA_DIR, which no running service may be using.'

const NOTES = `
The old database is only read. Leave its password out of the address and set PGPASSWORD, and no list of processes shows it.
Run it as often as needed: it goes on where it was stopped, and leaves people alone who are there already.

Exit codes: 0 all rows were read, 1 it could not go on or was stopped, 2 wrong usage. More in docs/import.md.`
