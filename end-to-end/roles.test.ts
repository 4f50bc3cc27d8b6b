// An operator changes the roles of a user: every verifier learns of it, and nobody is signed out.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { TestClient, Tokens } from '../service/test/support/test-client.ts'
import { startTestService, type TestService } from '../service/test/support/test-service.ts'
import { acceptWebSockets } from '../verifiers/node/src/adapters/ws.ts'
import type { SocketGuard, Verifier } from '../verifiers/node/src/index.ts'
import {
  ACCEPTED,
  connect,
  connectThroughProxy,
  endedAs,
  verdictOnToken,
  maxStalenessMs,
  signedIn,
  signOut,
  ReportedEnds,
  waitUntil,
  type SignedIn,
} from './connected.ts'
import { startPair } from './instance-pair.ts'

let one: TestService
let other: TestService

beforeAll(async () => {
  const { instances, stop } = await startPair()
  ;[one, other] = instances
  return stop
})

const OUTDATED = 'token_outdated'

async function setRoles(at: TestService, { person }: Pick<SignedIn, 'person'>, ...roles: string[]) {
  const { status } = await at.operator().put(`/v1/users/${person.id}/roles`, { roles })
  expect(status).toBe(204)
}

async function refreshed(client: TestClient, { refresh_token: token }: Tokens): Promise<Tokens> {
  const { status, body } = await client.refresh(token)
  if (status !== 200) throw new Error(`refreshing failed with status ${status}: ${JSON.stringify(body)}`)
  return body as Tokens
}

const knows = (verifier: Verifier, tokens: Tokens): Promise<unknown> =>
  waitUntil(async () => (await verdictOnToken(verifier, tokens)) === OUTDATED)

const rolesIn = async (verifier: Verifier, { access_token: token }: Tokens) =>
  (await verifier.verify(token)).roles

describe('roles that an operator changes', () => {
  test('changed roles reach every verifier: old tokens are refused, refreshed ones have them', async () => {
    const verifiers = await Promise.all([connect(one), connect(other)])
    const anna = await signedIn(one)
    const laptop = await anna.client.signIn(anna.person)
    const stranger = await signedIn(other)
    const told = verifiers.map((each) => new ReportedEnds(each))
    for (const verifier of verifiers) expect(await rolesIn(verifier, anna.tokens)).toEqual([])
    await setRoles(one, anna, 'moderator')
    for (const verifier of verifiers) {
      await knows(verifier, anna.tokens)
      expect(await verdictOnToken(verifier, laptop)).toBe(OUTDATED)
      expect(await verdictOnToken(verifier, stranger.tokens)).toBe(ACCEPTED)
    }
    const next = await refreshed(anna.client, anna.tokens)
    for (const verifier of verifiers) {
      expect(await rolesIn(verifier, next)).toEqual(['moderator'])
      expect(await rolesIn(verifier, await anna.client.signIn(anna.person))).toEqual(['moderator'])
    }
    // No session was ended by it, until one is.
    expect(told.map(({ ends }) => ends)).toEqual([[], []])
    await signOut({ client: anna.client, tokens: next })
    await Promise.all(told.map((each) => each.of(next.session.id)))
    for (const verifier of verifiers) {
      expect(await verdictOnToken(verifier, next)).toBe(endedAs('signed_out'))
      expect(await verdictOnToken(verifier, anna.tokens)).toBe(endedAs('signed_out'))
      expect(await verdictOnToken(verifier, await refreshed(anna.client, laptop))).toBe(ACCEPTED)
    }
  })

  test('are known to a verifier that starts later, and to one that was cut off meanwhile', async () => {
    const anna = await signedIn(one)
    const { verifier, proxy } = await connectThroughProxy(other)
    expect(await verdictOnToken(verifier, anna.tokens)).toBe(ACCEPTED)
    proxy.cut()
    await setRoles(one, anna, 'moderator')
    expect(await verdictOnToken(await connect(other), anna.tokens)).toBe(OUTDATED)
    proxy.heal()
    await knows(verifier, anna.tokens)
  })

  test('roles that change after a lost response outdate its repetition, but not the next refresh', async () => {
    const verifier = await connect(other)
    const anna = await signedIn(one)
    const lost = await refreshed(anna.client, anna.tokens)
    await setRoles(one, anna, 'moderator')
    await knows(verifier, lost)
    const repeated = await refreshed(anna.client, anna.tokens)
    expect(repeated.refresh_token).toBe(lost.refresh_token)
    // Its roles are right, but no generation tells it from the one that was lost.
    expect(await verdictOnToken(verifier, repeated)).toBe(OUTDATED)
    const next = await refreshed(anna.client, repeated)
    expect(await rolesIn(verifier, next)).toEqual(['moderator'])
  })

  test('leave the rule of replays as it is: a copied token that comes back ends the session', async () => {
    const verifier = await connect(other)
    const anna = await signedIn(one)
    await setRoles(one, anna, 'moderator')
    const second = await refreshed(anna.client, anna.tokens)
    const third = await refreshed(anna.client, second)
    expect(await verdictOnToken(verifier, third)).toBe(ACCEPTED)
    const told = new ReportedEnds(verifier)
    expect((await anna.client.refresh(anna.tokens.refresh_token)).status).toBe(401)
    await told.of(third.session.id)
    expect(await verdictOnToken(verifier, third)).toBe(endedAs('refresh_token_reused'))
  })

  test('that change again and again refuse every token but the last', async () => {
    const verifier = await connect(other)
    const anna = await signedIn(one)
    const tokens = [anna.tokens]
    for (const role of ['a', 'b', 'c', 'd']) {
      await setRoles(one, anna, role)
      tokens.push(await refreshed(anna.client, tokens.at(-1) ?? anna.tokens))
    }
    await knows(verifier, tokens.at(-2) ?? anna.tokens)
    const verdicts = await Promise.all(tokens.map((each) => verdictOnToken(verifier, each)))
    expect(verdicts).toEqual([OUTDATED, OUTDATED, OUTDATED, OUTDATED, ACCEPTED])
  })

  test('a stale verifier with introspect gets the current roles from the service', async () => {
    const service = await startTestService('PostgreSQL')
    onTestFinished(() => service.stop())
    const verifier = await connect(service, { maxStalenessMs, whenStale: 'introspect' })
    const anna = await signedIn(service)
    expect(await rolesIn(verifier, anna.tokens)).toEqual([])
    // All streams end, and those that come; everything else goes on.
    service.service.stream.close()
    await waitUntil(() => !verifier.health().fresh)
    await setRoles(service, anna, 'moderator')
    expect(await rolesIn(verifier, anna.tokens)).toEqual(['moderator'])
  })
})

/** A gateway that accepts sockets with a ticket and sends them their roles. */
async function startGateway(verifier: Verifier): Promise<{ url: string; guard: SocketGuard }> {
  const server = createServer()
  const webSocketServer = new WebSocketServer({ noServer: true })
  const guard = acceptWebSockets({
    verifier,
    server,
    webSocketServer,
    onConnection: (socket, claims) => {
      socket.on('message', (token: Buffer) => {
        void guard.renew(socket, token.toString()).then(({ roles }) => socket.send(roles.join()))
      })
      socket.send(claims.roles.join())
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of webSocketServer.clients) socket.terminate()
    server.close()
  })
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, guard }
}

interface Opened {
  readonly socket: WebSocket
  /** The first message: the roles of its claims. */
  readonly roles: string
  readonly closed: Promise<[number, string]>
}

async function open({ url }: { url: string }, client: TestClient, tokens: Tokens): Promise<Opened> {
  const { body } = await client.request('POST', '/v1/tickets', { token: tokens.access_token })
  const socket = new WebSocket(`${url}?ticket=${(body as { ticket: string }).ticket}`)
  const closed = new Promise<[number, string]>((resolve) => {
    socket.on('close', (code, reason) => resolve([code, reason.toString()]))
  })
  const [roles] = (await once(socket, 'message')) as [Buffer]
  return { socket, roles: roles.toString(), closed }
}

describe('sockets of a user whose roles change', () => {
  test('close with 4408, and come back with a new token; others stay', async () => {
    const verifier = await connect(other)
    const gateway = await startGateway(verifier)
    const [anna, bert] = await Promise.all([signedIn(one), signedIn(one)])
    const [hers, his] = await Promise.all([
      open(gateway, anna.client, anna.tokens),
      open(gateway, bert.client, bert.tokens),
    ])
    await setRoles(one, anna, 'moderator')
    expect(await hers.closed).toEqual([4408, 'token outdated'])
    const next = await refreshed(anna.client, anna.tokens)
    const again = await open(gateway, anna.client, next)
    expect([again.roles, gateway.guard.size]).toEqual(['moderator', 2])
    expect(his.socket.readyState).toBe(WebSocket.OPEN)
  })

  test('that were renewed with a newer token stay', async () => {
    const verifier = await connect(other)
    const gateway = await startGateway(verifier)
    const anna = await signedIn(one)
    const { socket, closed } = await open(gateway, anna.client, anna.tokens)
    await setRoles(one, anna, 'moderator')
    await closed
    const next = await refreshed(anna.client, anna.tokens)
    const second = await open(gateway, anna.client, next)
    expect(socket.readyState).toBe(WebSocket.CLOSED)
    const newer = await refreshed(anna.client, next)
    second.socket.send(newer.access_token)
    expect(String((await once(second.socket, 'message'))[0])).toBe('moderator')
  })

  test('may be opened with a ticket of an outdated token: its claims have the new roles', async () => {
    const verifier = await connect(other)
    const gateway = await startGateway(verifier)
    const anna = await signedIn(one)
    await setRoles(one, anna, 'moderator')
    await knows(verifier, anna.tokens)
    const { roles, closed } = await open(gateway, anna.client, anna.tokens)
    expect([roles, gateway.guard.size]).toEqual(['moderator', 1])
    await setRoles(one, anna)
    expect(await closed).toEqual([4408, 'token outdated'])
  })
})
