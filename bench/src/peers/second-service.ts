// Another service that relies on chat-auth and checks tokens locally, with a verifier.
import { createVerifier, TokenRefused, type Verifier } from '../../../verifiers/node/src/index.ts'
import { serveParent } from '../child.ts'

interface Place {
  readonly url: string
  readonly serviceKey: string
}

let verifier: Verifier | undefined

async function verify(token: string): Promise<void> {
  await verifier?.verify(token)
}

const handlers = {
  follow: async ({ url, serviceKey }: Place): Promise<void> => {
    verifier = createVerifier({ url, serviceKey, issuer: 'http://localhost:8000', audience: 'chat' })
    await verifier.ready()
  },

  /** Milliseconds for checking each of the tokens so many times. */
  check: async ({ credentials, passes }: { credentials: readonly string[]; passes: number }) => {
    const startedAt = performance.now()
    for (let pass = 0; pass < passes; pass += 1) {
      for (const token of credentials) await verify(token)
    }
    return performance.now() - startedAt
  },

  accepts: async (token: string): Promise<boolean> => {
    try {
      await verify(token)
      return true
    } catch (error) {
      if (error instanceof TokenRefused && error.code === 'session_ended') return false
      throw error
    }
  },
}

export type SecondService = typeof handlers

serveParent(handlers)
