// Every way a session ends, over HTTP, as a connected verifier learns of it.
import { globSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MailLinkContent } from '../service/src/application/ports/mail-links.ts'
import { END_REASONS, type EndReason, type SessionId } from '../service/src/domain/session.ts'
import type { UserId } from '../service/src/domain/user.ts'
import { HmacMailLinks } from '../service/src/infrastructure/crypto/hmac-mail-links.ts'
import {
  newUser,
  type ApiResponse,
  type TestUser,
  type TestClient,
  type Tokens,
} from '../service/test/support/test-client.ts'
import {
  databaseNames,
  startTestService,
  testSecret,
  type TestService,
} from '../service/test/support/test-service.ts'
import {
  ACCEPTED,
  connect,
  endedAs,
  verdictOnToken,
  signedIn,
  signOut,
  ReportedEnds,
  waitUntil,
  type SignedIn,
} from './connected.ts'

/** Somebody with three devices. */
interface Someone {
  readonly client: TestClient
  readonly operator: TestClient
  readonly person: TestUser
  readonly own: Tokens
  readonly second: Tokens
}

interface Ending {
  readonly how: string
  readonly end: (someone: Someone) => Promise<unknown>
  /** The own session goes on with new tokens: those it had are outdated. */
  readonly renewsOwn?: true
  /** The state of the three sessions afterwards. */
  readonly after: readonly (EndReason | 'live')[]
}

const all = (reason: EndReason) => [reason, reason, reason]

async function succeeded(response: Promise<ApiResponse>): Promise<unknown> {
  const { status, body } = await response
  if (status >= 400) throw new Error(`got status ${status}: ${JSON.stringify(body)}`)
  return body
}

const successorOf = async (client: TestClient, { refresh_token }: Tokens): Promise<Tokens> =>
  (await succeeded(client.refresh(refresh_token))) as Tokens

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
type Purpose = DistributiveOmit<MailLinkContent, 'userId' | 'expiresAt'>

const tokenOf = ({ id }: TestUser, purpose: Purpose): string =>
  new HmacMailLinks({ current: testSecret, previous: [] }).issue({
    ...purpose,
    userId: id as UserId,
    expiresAt: new Date(Date.now() + 3_600_000),
  })

/** Complete: a reason that is not in here does not compile, nor does a feature that is not tried. */
const endings: Record<EndReason, readonly Ending[] | 'its tokens ran out with it'> = {
  signed_out: [
    {
      how: 'signing out',
      end: ({ client, own }) => succeeded(client.delete('/v1/sessions/current', own.access_token)),
      after: ['signed_out', 'live', 'live'],
    },
  ],
  terminated: [
    {
      how: 'ending one of the devices',
      end: ({ client, own, second }) =>
        succeeded(client.delete(`/v1/sessions/${second.session.id}`, own.access_token)),
      after: ['live', 'terminated', 'live'],
    },
    {
      how: 'ending all devices',
      end: ({ client, own }) => succeeded(client.delete('/v1/sessions', own.access_token)),
      after: ['signed_out', 'terminated', 'terminated'],
    },
    {
      how: 'ending all other devices',
      end: ({ client, own }) => succeeded(client.delete('/v1/sessions?keep=current', own.access_token)),
      after: ['live', 'terminated', 'terminated'],
    },
    {
      how: 'ending a device by the link in a mail',
      end: ({ client, person, second }) => {
        const sessionId = second.session.id as SessionId
        const token = tokenOf(person, { purpose: 'end_session', sessionId })
        return succeeded(client.post('/v1/sessions/end-by-link', { token }))
      },
      after: ['live', 'terminated', 'live'],
    },
  ],
  terminated_by_admin: [
    {
      how: 'an operator who ends all sessions',
      end: ({ operator, person }) => succeeded(operator.delete(`/v1/users/${person.id}/sessions`)),
      after: all('terminated_by_admin'),
    },
  ],
  replaced: [
    {
      how: 'signing in again on the same device',
      end: ({ client, person }) => client.signIn(person, { device_id: 'device-1' }),
      after: ['live', 'replaced', 'live'],
    },
  ],
  displaced: [
    {
      how: 'signing in on one device too many',
      end: ({ client, person }) => client.signIn(person),
      after: ['displaced', 'live', 'live'],
    },
  ],
  password_changed: [
    {
      how: 'changing the password',
      end: ({ client, person: { password }, own }) => {
        const body = { current_password: password, new_password: `another ${password}` }
        return succeeded(client.put('/v1/users/me/password', body, own.access_token))
      },
      renewsOwn: true,
      after: ['live', 'password_changed', 'password_changed'],
    },
    {
      how: 'setting a new password by the link in a mail',
      end: ({ client, person }) => {
        const token = tokenOf(person, { purpose: 'reset_password', passwordVersion: 1 })
        const body = { token, new_password: `another ${person.password}` }
        return succeeded(client.post('/v1/password-resets/complete', body))
      },
      after: all('password_changed'),
    },
  ],
  refresh_token_reused: [
    {
      how: 'a spent refresh token that comes back',
      end: async ({ client, own }) => {
        await successorOf(client, await successorOf(client, own))
        expect(await client.refresh(own.refresh_token)).toMatchObject({
          status: 401,
          body: { code: 'refresh_token_reused' },
        })
      },
      after: ['refresh_token_reused', 'live', 'live'],
    },
  ],
  user_disabled: [
    {
      how: 'a ban',
      end: ({ operator, person }) =>
        succeeded(operator.post(`/v1/users/${person.id}/disable`, { reason: 'spam' })),
      after: all('user_disabled'),
    },
  ],
  expired: 'its tokens ran out with it',
  credentials_changed: [
    {
      how: 'taking an earlier address back by the link in a mail',
      end: async ({ client, person, own }) => {
        const follow = (path: string, purpose: Purpose) =>
          succeeded(client.post(path, { token: tokenOf(person, purpose) }))
        await follow('/v1/email-verifications/complete', { purpose: 'verify_email', emailVersion: 1 })
        const body = { email: newUser().email, current_password: person.password }
        await succeeded(client.patch('/v1/users/me', body, own.access_token))
        await follow('/v1/email-changes/undo', { purpose: 'undo_email_change', emailVersion: 2 })
      },
      after: all('credentials_changed'),
    },
  ],
  user_deleted: [
    {
      how: 'deleting the account',
      end: ({ client, person, own }) => {
        const body = { current_password: person.password }
        return succeeded(client.request('DELETE', '/v1/users/me', { body, token: own.access_token }))
      },
      after: all('user_deleted'),
    },
  ],
}

const cases = Object.entries(endings).flatMap(([reason, how]) =>
  typeof how === 'string' ? [] : how.map((ending) => ({ reason, ...ending })),
)

describe.each(databaseNames)('on %s', (database) => {
  let service: TestService
  let other: SignedIn

  beforeAll(async () => {
    service = await startTestService(database, { MAX_SESSIONS_PER_USER: '3', AUTH_SECRET: testSecret })
    other = await signedIn(service)
  })
  afterAll(() => service.stop())

  test.each(cases)(
    '$reason by $how reaches a connected verifier',
    { tags: ['SESSION-18'] },
    async ({ reason, end, after, renewsOwn }) => {
      const verifier = await connect(service)
      const client = service.client()
      const person = await client.register()
      const own = await client.signIn(person)
      const second = await client.signIn(person, { device_id: 'device-1' })
      const sessions = [own, second, await client.signIn(person)]
      for (const tokens of [...sessions, other.tokens])
        expect(await verdictOnToken(verifier, tokens)).toBe(ACCEPTED)

      const told = new ReportedEnds(verifier)
      const given = await end({ client, operator: service.operator(), person, own, second })
      const expected = sessions.flatMap(({ session }, at) => {
        const ended = after[at] ?? 'live'
        return ended === 'live' ? [] : [{ sid: session.id, userId: person.id, reason: ended }]
      })
      expect(after).toContain(reason)
      await told.of(...expected.map(({ sid }) => sid))

      expect(await Promise.all(sessions.map((tokens) => verdictOnToken(verifier, tokens)))).toEqual(
        after.map((ended, at) => {
          if (ended !== 'live') return endedAs(ended)
          return renewsOwn && at === 0 ? 'token_outdated' : ACCEPTED
        }),
      )
      if (renewsOwn) expect(await verdictOnToken(verifier, given as Tokens)).toBe(ACCEPTED)
      expect(await verdictOnToken(verifier, other.tokens)).toBe(ACCEPTED)
      // The verifier received exactly the log entries of this user.
      const { revocations } = (await succeeded(service.operator().get('/v1/revocations'))) as {
        revocations: { sid: string; user_id: number; reason: string; up_to_generation?: number }[]
      }
      const logged = revocations.filter(
        ({ user_id, up_to_generation: limit }) => user_id === person.id && limit === undefined,
      )
      expect(byId(logged.map(({ sid, user_id: userId, reason }) => ({ sid, userId, reason })))).toEqual(
        byId(expected),
      )
      expect(byId(told.ends)).toEqual(byId(expected))
    },
  )

  test(
    'a copy of a token is refused by a verifier once the user has entered the password again',
    { tags: ['SESSION-22'] },
    async () => {
      const verifier = await connect(service)
      const { client, person, tokens } = await signedIn(service)
      expect(await verdictOnToken(verifier, tokens)).toBe(ACCEPTED)
      const body = { current_password: person.password }
      const given = await succeeded(
        client.post('/v1/sessions/current/reauthenticate', body, tokens.access_token),
      )
      await waitUntil(async () => (await verdictOnToken(verifier, tokens)) === 'token_outdated')
      expect(await verdictOnToken(verifier, given as Tokens)).toBe(ACCEPTED)
    },
  )

  // The last one: it takes the service a month on.
  test('a session that runs out needs nobody to tell: its tokens run out with it', async () => {
    const verifier = await connect(service)
    const told = new ReportedEnds(verifier)
    const { tokens } = await signedIn(service)
    expect(await verdictOnToken(verifier, tokens)).toBe(ACCEPTED)
    service.clock.advance({ days: 31 })
    await waitUntil(async () => (await verdictOnToken(verifier, tokens)) === 'expired')
    expect(await service.service.useCases.expireSessions(1_000)).toBeGreaterThan(0)
    // The service would have rotated its keys in that time.
    await service.service.rotateKeys()
    const someone = await signedIn(service)
    await signOut(someone)
    await told.of(someone.tokens.session.id)
    expect(told.ends).toHaveLength(1)
    expect(await verdictOnToken(verifier, tokens)).toBe('expired')
  })
})

test('every reason is in the list, and stands in the source', () => {
  expect(Object.keys(endings).sort()).toEqual(END_REASONS.toSorted())
  const root = new URL('../service/src/', import.meta.url).pathname
  const source = globSync('**/*.ts', { cwd: root })
    .filter((path) => path !== 'domain/session.ts')
    .map((path) => readFileSync(root + path, 'utf8'))
    .join('\n')
  const given = END_REASONS.filter((reason) => source.includes(`'${reason}'`))
  expect(given).toEqual(END_REASONS)
})

const byId = <T extends { sid: string }>(ends: readonly T[]): T[] =>
  ends.toSorted((one, another) => (one.sid < another.sid ? -1 : 1))
