import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { TestClient, Tokens } from '../service/test/support/test-client.ts'
import { startTestService, type TestService } from '../service/test/support/test-service.ts'
import type { SocketGuard, Verifier } from '../verifiers/node/src/index.ts'
import {
  ACCEPTED,
  connect,
  connectThroughProxy,
  verdictOnToken,
  maxStalenessMs,
  signedIn,
  signOut,
  ReportedEnds,
  verdictOn,
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

type Holder = Pick<SignedIn, 'client' | 'tokens'>

async function ticketFor({ client, tokens }: Holder, origin?: string): Promise<string> {
  const { status, body } = await client.request('POST', '/v1/tickets', {
    token: tokens.access_token,
    ...(origin !== undefined && { headers: { origin } }),
  })
  if (status !== 201)
    throw new Error(`requesting a ticket failed with status ${status}: ${JSON.stringify(body)}`)
  return (body as { ticket: string }).ticket
}

describe('a ticket', () => {
  const origin = 'https://chat.example.org'

  test('a ticket works once, at any instance, with the claims of its access token', async () => {
    const verifier = await connect(other)
    const holder = await signedIn(one)
    const ticket = await ticketFor(holder)
    const claims = await verifier.redeemTicket(ticket)
    expect(await verifier.verify(holder.tokens.access_token)).toMatchObject({ ...claims })
    expect(claims).toMatchObject({ sid: holder.tokens.session.id, user_id: holder.person.id, gen: 0 })
    expect(await verdictOn(verifier.redeemTicket(ticket))).toBe('ticket_gone')
    expect(await verdictOn((await connect(one)).redeemTicket(ticket))).toBe('ticket_gone')
  })

  test('a ticket that many gateways redeem at the same time is valid for one of them', async () => {
    const verifiers = await Promise.all([connect(one), connect(other)])
    const ticket = await ticketFor(await signedIn(one))
    const attempts = Array.from({ length: 8 }, () =>
      verifiers.map((each) => each.redeemTicket(ticket)),
    ).flat()
    const verdicts = await Promise.all(attempts.map(verdictOn))
    expect(verdicts.toSorted()).toEqual([ACCEPTED, ...Array.from({ length: 15 }, () => 'ticket_gone')])
  })

  test('of a page works for that page alone', async () => {
    const verifier = await connect(other)
    const holder = await signedIn(one)
    expect(await verdictOn(verifier.redeemTicket(await ticketFor(holder, origin), origin))).toBe(ACCEPTED)
    const ticket = await ticketFor(holder, origin)
    expect(await verdictOn(verifier.redeemTicket(ticket, 'https://elsewhere.example'))).toBe(
      'origin_mismatch',
    )
    expect(await verdictOn(verifier.redeemTicket(ticket, origin))).toBe('ticket_gone')
    const another = await ticketFor(holder, origin)
    expect(await verdictOn(verifier.redeemTicket(another))).toBe('origin_mismatch')
  })

  test('is gone once its session has ended at the other instance', async () => {
    const verifier = await connect(other)
    const holder = await signedIn(one)
    const ticket = await ticketFor(holder, origin)
    await signOut(holder)
    expect(await verdictOn(verifier.redeemTicket(ticket, origin))).toBe('ticket_gone')
  })
})

/** A gateway: it opens sockets for tickets, says what it hears, and lets the guard close them. */
async function startGateway(verifier: Verifier): Promise<{ url: string; guard: SocketGuard }> {
  const guard = verifier.guardSockets()
  const gateway = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  onTestFinished(() => {
    for (const socket of gateway.clients) socket.terminate()
    gateway.close()
  })
  gateway.on('connection', (socket, request) => {
    socket.on('message', (text: Buffer) => {
      const token = text.toString()
      if (token === 'echo') socket.send('echo')
      else void guard.renew(socket, token).then(() => socket.send('renewed'))
    })
    const ticket = new URL(request.url ?? '', 'ws://localhost').searchParams.get('ticket') ?? ''
    void verifier.redeemTicket(ticket).then((claims) => {
      guard.hold(socket, claims)
      socket.send('welcome')
    })
  })
  await once(gateway, 'listening')
  return { url: `ws://127.0.0.1:${(gateway.address() as AddressInfo).port}`, guard }
}

class ChatSocket {
  /** The close frame's code and reason. */
  readonly closed: Promise<[number, string]>
  readonly #socket: WebSocket

  private constructor(socket: WebSocket) {
    this.#socket = socket
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve([code, reason.toString()]))
    })
  }

  static async open({ url }: { url: string }, holder: Holder): Promise<ChatSocket> {
    const socket = new WebSocket(`${url}?ticket=${await ticketFor(holder)}`)
    const [welcome] = (await once(socket, 'message')) as [Buffer]
    expect(welcome.toString()).toBe('welcome')
    return new ChatSocket(socket)
  }

  /** Sends a message and returns the next one received. */
  async say(text: string): Promise<string> {
    this.#socket.send(text)
    const [response] = (await once(this.#socket, 'message')) as [Buffer]
    return response.toString()
  }
}

describe('a socket held by the guard', () => {
  test('closes with 4401 when its session ends, at whichever instance; every other stays open', async () => {
    const verifier = await connect(other)
    const gateway = await startGateway(verifier)
    const { client, person, tokens } = await signedIn(one)
    const laptop: Holder = { client, tokens: await client.signIn(person) }
    const phone: Holder = { client, tokens }
    const stranger = await signedIn(other)
    const holders = [phone, phone, laptop, stranger]
    const sockets = await Promise.all(holders.map((holder) => ChatSocket.open(gateway, holder)))
    const [first, second, ...others] = sockets
    await signOut(phone)
    expect(await Promise.all([first?.closed, second?.closed])).toEqual([
      [4401, 'session ended'],
      [4401, 'session ended'],
    ])
    expect(await Promise.all(others.map((socket) => socket.say('echo')))).toEqual(['echo', 'echo'])
    expect(gateway.guard.size).toBe(2)
  })

  test('a socket closes with 4408 when its token expires by the service’s clock, or is renewed', async () => {
    const service = await startTestService('PostgreSQL')
    onTestFinished(() => service.stop())
    const verifier = await connect(service)
    const gateway = await startGateway(verifier)
    const holder = await signedIn(service)
    const [left, renewed] = [await ChatSocket.open(gateway, holder), await ChatSocket.open(gateway, holder)]
    service.clock.advance({ minutes: 1 })
    const next = await refreshed(holder)
    expect(await renewed.say(next.access_token)).toBe('renewed')
    // All but the last moments of the first token's ten minutes, and only on the clock of the service.
    service.clock.advance({ minutes: 8, seconds: 58 })
    expect(await left.closed).toEqual([4408, 'token expired'])
    expect(await verdictOnToken(verifier, holder.tokens)).toBe('expired')
    expect(await renewed.say('echo')).toBe('echo')
    await signOut({ client: holder.client, tokens: next })
    expect(await renewed.closed).toEqual([4401, 'session ended'])
  })

  test('a socket closes with 4503 when the verifier is stale, and may reconnect after recovery', async () => {
    const { verifier, proxy } = await connectThroughProxy(one, { maxStalenessMs })
    const gateway = await startGateway(verifier)
    const holder = await signedIn(one)
    const socket = await ChatSocket.open(gateway, holder)
    expect(await socket.say('echo')).toBe('echo')
    proxy.stall()
    expect(await socket.closed).toEqual([4503, 'try later'])
    expect(gateway.guard.size).toBe(0)
    proxy.heal()
    await waitUntil(() => verifier.health().fresh)
    expect(await (await ChatSocket.open(gateway, holder)).say('echo')).toBe('echo')
  })

  test('a socket whose session ended between the check and the hold is closed immediately', async () => {
    const verifier = await connect(one)
    const guard = verifier.guardSockets()
    const holder = await signedIn(one)
    const told = new ReportedEnds(verifier)
    const claims = await verifier.redeemTicket(await ticketFor(holder))
    await signOut(holder)
    await told.of(holder.tokens.session.id)
    const closings: number[] = []
    guard.hold({ close: (code) => closings.push(code), once: () => undefined }, claims)
    expect(closings).toEqual([4401])
    expect(guard.size).toBe(0)
  })
})

async function refreshed({ client, tokens }: { client: TestClient; tokens: Tokens }): Promise<Tokens> {
  const { status, body } = await client.refresh(tokens.refresh_token)
  if (status !== 200) throw new Error(`refreshing failed with status ${status}: ${JSON.stringify(body)}`)
  return body as Tokens
}
