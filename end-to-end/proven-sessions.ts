// Sessions whose users proved different things.
import { addAuthenticator } from '../service/test/support/authenticator.ts'
import type { Tokens } from '../service/test/support/test-client.ts'
import type { TestService } from '../service/test/support/test-service.ts'

export interface ProvenSessions {
  readonly password: Tokens
  readonly code: Tokens
  readonly recoveryCode: Tokens
}

/** Signs a user in by the password before there was a factor, by a code, and by a recovery code. */
export async function provenSessions(service: TestService): Promise<ProvenSessions> {
  const client = service.client()
  const now = () => service.clock.now()
  const { username, password, ...person } = await client.register()
  const before = await client.signIn({ username, password, ...person })
  const { authenticator, recoveryCodes } = await addAuthenticator(
    client,
    await client.signIn({ username, password, ...person }),
    now,
  )
  const complete = async (codes: object) => {
    const { challenge } = (await client.post('/v1/sessions', { username, password })).body as {
      challenge: string
    }
    const { status, body } = await client.post('/v1/sessions/challenges/complete', { challenge, ...codes })
    if (status !== 201) throw new Error(`no session: ${JSON.stringify(body)}`)
    return body as Tokens
  }
  return {
    password: before,
    // The present code confirmed the authenticator.
    code: await complete({ code: authenticator.codeAt(now(), 1) }),
    recoveryCode: await complete({ recovery_code: recoveryCodes[0] }),
  }
}
