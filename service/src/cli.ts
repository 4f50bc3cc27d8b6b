import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { confirmAt } from './infrastructure/cli/ask.ts'
import { connectionOf } from './infrastructure/cli/connection.ts'
import { callsTo } from './infrastructure/cli/service-calls.ts'
import { loadEnvironment } from './infrastructure/settings/environment.ts'
import { readConfig } from './infrastructure/settings/config.ts'
import { SettingsError, type Environment } from './infrastructure/settings/settings-reader.ts'
import { CommandFailure, exitCodes, type ExitCode } from './interface-adapters/cli/exit-codes.ts'
import { createProgram } from './interface-adapters/cli/program.ts'
import { describeRestore } from './interface-adapters/cli/restore-command.ts'
import { printableJson } from './interface-adapters/cli/text.ts'

/** Builds the operator's command line by hand and runs it once. Returns the exit code of the process. */
export async function runCli(args: readonly string[]): Promise<ExitCode> {
  const { stdin, stdout, stderr } = process
  // `chat-auth … | head`: the reader may close the pipe early, which is not an error.
  stdout.on('error', () => undefined)
  const progress = (text: string): void => void stderr.write(text)
  const confirm = confirmAt({ input: stdin, output: stderr })
  const environmentHere = (): Environment => {
    const { environment, warnings } = fromSettings(loadEnvironment)
    for (const warning of warnings) stderr.write(`Warning: ${warning}\n`)
    return environment
  }
  let exitCode: ExitCode = exitCodes.done
  const program = createProgram({
    version: readVersion(),
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    run: async (command, options) => {
      const call = callsTo(connectionOf(options, environmentHere()))
      const report = await command({ call, confirm, progress })
      stdout.write(options.json === true ? printableJson(report.json) : report.text)
      exitCode = report.exitCode ?? exitCodes.done
    },
    restore: async (options) => {
      // Not a static import: other commands do not wait for the database's code.
      const { runRestore } = await import('./wiring/run-restore.ts')
      const lines = stdin.isTTY ? undefined : stdin
      const config = fromSettings(() => readConfig(environmentHere()))
      const report = await runRestore(config, options, { lines, confirm, progress }).catch(explained)
      stdout.write(describeRestore(report, options))
    },
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage
    const isExpected = error instanceof CommandFailure
    stderr.write(`${isExpected ? error.message : explainFault(error)}\n`)
    return isExpected ? error.exitCode : exitCodes.failed
  }
}

function fromSettings<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof SettingsError ? new CommandFailure(error.message, exitCodes.wrongUsage) : error
  }
}

/** For a command that opens the database itself. */
async function explained(error: unknown): Promise<never> {
  const { explanationOf } = await import('./infrastructure/process/explain-failure.ts')
  const explanation = error instanceof CommandFailure ? undefined : explanationOf(error)
  throw explanation === undefined ? error : new CommandFailure(explanation)
}

const explainFault = (error: unknown): string =>
  `chat-auth failed unexpectedly. Please report this: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
