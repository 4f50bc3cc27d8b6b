import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { askAt } from './infrastructure/cli/ask.ts'
import { connectionOf } from './infrastructure/cli/connection.ts'
import { callsTo } from './infrastructure/cli/service-calls.ts'
import { loadEnvironment } from './infrastructure/config.ts'
import { CommandFailure, exitCodes, type ExitCode } from './interface-adapters/cli/exit-codes.ts'
import { createProgram } from './interface-adapters/cli/program.ts'
import { printableJson } from './interface-adapters/cli/text.ts'

/** Wires the operator's command line by hand and runs it once. Answers what the process is to exit with. */
export async function runCli(args: readonly string[]): Promise<ExitCode> {
  const { stdin, stdout, stderr } = process
  // `chat-auth … | head`: a reader that has gone is nobody's trouble.
  stdout.on('error', () => undefined)
  let exitCode: ExitCode = exitCodes.done
  const program = createProgram({
    version: readVersion(),
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    run: async (command, options) => {
      const call = callsTo(connectionOf(options, loadEnvironment()))
      const report = await command({ call, confirm: askAt({ input: stdin, output: stderr }) })
      stdout.write(options.json === true ? printableJson(report.json) : report.text)
      exitCode = report.exitCode ?? exitCodes.done
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

const explainFault = (error: unknown): string =>
  `A fault of chat-auth itself: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
