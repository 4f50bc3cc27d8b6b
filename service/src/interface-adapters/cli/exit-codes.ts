/** For scripts. A test compares them with docs/cli.md and --help. */
export const exitCodes = {
  done: 0,
  /** The service refused, a check of the doctor failed, or the operator declined. */
  failed: 1,
  wrongUsage: 2,
  unreachable: 3,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Ends the command. The message says what is wrong and what to do. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode = exitCodes.failed) {
    super(message)
    this.name = 'CommandFailure'
    this.exitCode = exitCode
  }
}
