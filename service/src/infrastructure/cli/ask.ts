import { createInterface } from 'node:readline/promises'

interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  /** Not standard output: that may go to a file. */
  readonly output: NodeJS.WritableStream
}

/** Asks, and takes nothing but yes for it. Where nobody sits, a script has decided already. */
export const askAt =
  ({ input, output }: Terminal) =>
  async (question: () => Promise<string>): Promise<boolean> => {
    if (input.isTTY !== true) return true
    const asking = createInterface({ input, output })
    // Ctrl-C and the end of the input are a no, too.
    const { promise: closed, resolve } = Promise.withResolvers<string>()
    asking.once('close', () => resolve(''))
    try {
      const answer = await Promise.race([asking.question(`${await question()} [y/N] `), closed])
      return /^y(es)?$/i.test(answer.trim())
    } finally {
      asking.close()
    }
  }
