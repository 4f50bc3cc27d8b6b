/** What scripts branch on; docs/cli.md and --help say the same. */
export const exitCodes = {
  done: 0,
  /** The service refused, a check of the doctor failed, or the person said no. */
  failed: 1,
  wrongUsage: 2,
  notReachable: 3,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Ends the command; the message says what to do. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode = exitCodes.failed) {
    super(message)
    this.name = 'CommandFailure'
    this.exitCode = exitCode
  }
}
