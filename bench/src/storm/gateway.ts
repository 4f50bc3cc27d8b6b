// A process with a verifier that is given a token now and then.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createVerifier, type Verifier } from '../../../verifiers/node/src/index.ts'
import { serveParent } from '../child.ts'
import { moments } from './schedule.ts'
import type { Visit } from './visitors.ts'

interface Wanted {
  readonly url: string
  readonly serviceKey: string
  readonly tokens: readonly string[]
}

let verifier: Verifier | undefined
let tokens: readonly string[] = []
let next = 0
const never = new Int32Array(new SharedArrayBuffer(4))

async function verifyOne(): Promise<void> {
  await verifier?.verify(tokens[next] ?? '')
  next = (next + 1) % tokens.length
}

const handlers = {
  open: async ({ url, serviceKey, tokens: given }: Wanted): Promise<void> => {
    tokens = given
    // Without a memory each token is checked as at its first sight.
    verifier = createVerifier({
      url,
      serviceKey,
      issuer: 'http://localhost:8000',
      audience: 'chat',
      cacheSize: 0,
    })
    await verifier.ready({ timeoutMs: 30_000 })
  },

  /** Milliseconds of each verification, from when it was due. */
  verify: async ({ perSecond, seconds }: Visit): Promise<number[]> => {
    const times: number[] = []
    const from = performance.now()
    for (const due of moments(perSecond, from, from + seconds * 1_000)) {
      // More exact than a timer, which knows whole milliseconds.
      Atomics.wait(never, 0, 0, Math.max(0, due - performance.now()))
      await verifyOne()
      times.push(performance.now() - due)
      await nextTurn()
    }
    return times
  },
}

export type GatewayProcess = typeof handlers

serveParent(handlers)
