import { createInterface } from 'node:readline/promises'
import { CommandFailure, exitCodes } from '../../interface-adapters/cli/exit-codes.ts'

interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  /** Not standard output, which may go to a file. */
  readonly output: NodeJS.WritableStream
}

/** Asks for confirmation and accepts only y or yes. Throws CommandFailure without a terminal: scripts pass `--yes`. */
export const confirmAt =
  ({ input, output }: Terminal) =>
  async (question: () => Promise<string>): Promise<boolean> => {
    if (input.isTTY !== true) throw new CommandFailure(NO_TERMINAL, exitCodes.wrongUsage)
    const terminal = createInterface({ input, output })
    // Ctrl-C and the end of the input mean no.
    const { promise: closed, resolve } = Promise.withResolvers<string>()
    terminal.once('close', () => resolve(''))
    try {
      const reply = await Promise.race([terminal.question(`${await question()} [y/N] `), closed])
      return /^y(es)?$/i.test(reply.trim())
    } finally {
      terminal.close()
    }
  }

const NO_TERMINAL =
  'There is no terminal to confirm this at, so nothing was changed. Add --yes if you are sure.'
