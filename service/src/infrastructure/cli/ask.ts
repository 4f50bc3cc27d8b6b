import { createInterface } from 'node:readline/promises'

interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  /** Not standard output, which may go to a file. */
  readonly output: NodeJS.WritableStream
}

/** Asks for confirmation and accepts only y or yes. Without a terminal it does not ask: the script has decided. */
export const confirmAt =
  ({ input, output }: Terminal) =>
  async (question: () => Promise<string>): Promise<boolean> => {
    if (input.isTTY !== true) return true
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
