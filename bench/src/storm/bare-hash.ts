// A process that only hashes.
import { verify } from '@node-rs/argon2'
import { serveParent } from '../child.ts'

const handlers = {
  /** Hash checks per second, `atOnce` in parallel. */
  rate: async (wanted: {
    hash: string
    password: string
    atOnce: number
    seconds: number
  }): Promise<number> => {
    const { hash, password, atOnce, seconds } = wanted
    let checks = 0
    const from = performance.now()
    const checkAgain = async (): Promise<void> => {
      while (performance.now() - from < seconds * 1_000) {
        if (!(await verify(hash, password))) throw new Error('The password does not match.')
        checks += 1
      }
    }
    await Promise.all(Array.from({ length: atOnce }, checkAgain))
    return (checks * 1_000) / (performance.now() - from)
  },
}

export type HashProcess = typeof handlers

serveParent(handlers)
