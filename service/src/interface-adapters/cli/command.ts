import { CommandFailure, type ExitCode } from './exit-codes.ts'

/** What a command works with. */
export interface Surroundings {
  /**
   * Calls the internal listener and answers the body of a good answer, undefined where there is none. Rejects with
   * CommandFailure otherwise.
   */
  readonly call: (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<unknown>

  /** Asks the person at the terminal; whoever is no person has said yes. The question is put together only then. */
  readonly confirm: (question: () => Promise<string>) => Promise<boolean>
}

/** What a command came to. */
interface Report {
  /** For scripts. */
  readonly json: unknown
  /** For people: whole lines. */
  readonly text: string
  readonly exitCode?: ExitCode
}

export type Command = (surroundings: Surroundings) => Promise<Report>

export async function demandConfirmation(
  { confirm }: Surroundings,
  isSaidAlready: boolean,
  question: () => Promise<string>,
): Promise<void> {
  if (isSaidAlready || (await confirm(question))) return
  throw new CommandFailure('Nothing was changed.')
}

/** A path of the API with what belongs after the question mark; undefined is left out. */
export function address(path: string, query: Record<string, string | number | undefined>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value))
  }
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`
}
