// Runs the whole command line without real input or output and records calls, questions and output.
import { CommanderError } from 'commander'
import type { CommandContext } from '../../../src/interface-adapters/cli/command.ts'
import { CommandFailure } from '../../../src/interface-adapters/cli/exit-codes.ts'
import { describeRestore } from '../../../src/interface-adapters/cli/restore-command.ts'
import { createProgram } from '../../../src/interface-adapters/cli/program.ts'
import { printableJson } from '../../../src/interface-adapters/cli/text.ts'

export interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly calls: readonly (readonly [method: string, path: string, body?: object])[]
  readonly questions: readonly string[]
  readonly progress: string
}

/** Responses are looked up by "METHOD /path", without the query string. */
export async function runProgram(
  args: readonly string[],
  responses: Record<string, unknown> = {},
  { says = true }: { says?: boolean } = {},
): Promise<Run> {
  const run = {
    code: 0,
    out: '',
    err: '',
    calls: [] as [string, string, object?][],
    questions: [] as string[],
    progress: '',
  }
  const context: CommandContext = {
    call: (method, path, body) => {
      run.calls.push(body === undefined ? [method, path] : [method, path, body])
      return Promise.resolve(responses[`${method} ${path.split('?')[0] ?? ''}`])
    },
    confirm: async (question) => {
      run.questions.push(await question())
      return says
    },
    progress: (line) => (run.progress += line),
  }
  const program = createProgram({
    version: '1.2.3',
    out: (text) => (run.out += text),
    err: (text) => (run.err += text),
    run: async (command, { json }) => {
      const report = await command(context)
      run.out += json === true ? printableJson(report.json) : report.text
      run.code = report.exitCode ?? 0
    },
    restore: (options) => {
      const counts = { endedAgain: 812, disabled: 2, enabled: 0, unknownUsers: 1, endedByCommand: 40_213 }
      const location = 'PostgreSQL at db.example:5432/chat_auth'
      run.out += describeRestore({ ...counts, location }, options)
      return Promise.resolve()
    },
  })
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) run.code = error.exitCode === 0 ? 0 : 2
    else if (error instanceof CommandFailure) Object.assign(run, { code: error.exitCode, err: error.message })
    else throw error
  }
  return run
}
