import { CommandFailure, type ExitCode } from './exit-codes.ts'

/** The functions a command needs from its environment. */
export interface CommandContext {
  /**
   * Calls the internal listener and returns the body of a successful response, or undefined if it has no body. Rejects
   * with CommandFailure otherwise.
   */
  readonly call: (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<unknown>

  /** Asks the operator at the terminal. Without a terminal it rejects with CommandFailure, and the question is not built. */
  readonly confirm: (question: () => Promise<string>) => Promise<boolean>

  /** Shows a complete line to the operator while the command runs. It is not part of the output. */
  readonly progress: (line: string) => void
}

/** The result of a command. */
interface Report {
  /** For scripts. */
  readonly json: unknown
  /** For operators: complete lines. */
  readonly text: string
  readonly exitCode?: ExitCode
}

export type Command = (context: CommandContext) => Promise<Report>

/** Runs a command with the options that the operator typed. */
export type Start = (command: Command) => Promise<void>

/** Throws CommandFailure unless the operator agrees, or has agreed with `--yes`. */
export async function requireConfirmation(
  { confirm }: Pick<CommandContext, 'confirm'>,
  isConfirmed: boolean,
  question: () => Promise<string>,
): Promise<void> {
  if (isConfirmed || (await confirm(question))) return
  throw new CommandFailure('Nothing was changed.')
}

/** A path of the API with its query. Parameters that are undefined are left out. */
export function pathWithQuery(path: string, query: Record<string, string | number | undefined>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value))
  }
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`
}
