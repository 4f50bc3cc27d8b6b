// The examples as somebody would run them: processes of their own, on the built package.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { io, type Socket } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, test, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { serviceKey, StandInService } from './support/stand-in-service.ts'
import { audience, claimsAt, issuer, signToken } from './support/tokens.ts'

interface Example {
  readonly url: string
  /** Stops it and resolves with its exit code. */
  readonly stop: () => Promise<number | null>
}

// Its input is a pipe from us: when we die, however we die, `read` returns.
const watchdogScript = 'read -r _; kill -KILL "$1" 2>/dev/null'

let service: StandInService
let heartbeats: NodeJS.Timeout

beforeEach(async () => {
  service = await new StandInService(() => Date.now()).start()
  heartbeats = setInterval(() => service.heartbeat(), 500)
})

afterEach(async () => {
  clearInterval(heartbeats)
  await service.stop()
})

async function run(name: string): Promise<Example> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../examples', name)], {
    env: {
      PATH: process.env['PATH'],
      AUTH_URL: service.url,
      SERVICE_KEY: serviceKey,
      ISSUER: issuer,
      AUDIENCE: audience,
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const watchdog = spawn('sh', ['-c', watchdogScript, 'watchdog', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  void exited.then(() => watchdog.kill())
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })
  const [line] = (await Promise.race([once(lines, 'line'), exited])) as [string]
  return {
    url: /^listening on (http:\/\/\S+)$/.exec(line)?.[1] ?? `it said ${line}`,
    stop: async () => {
      child.kill('SIGTERM')
      const [code] = await exited
      return code
    },
  }
}

const token = (claims: ReturnType<typeof claimsAt>): string => {
  const [key] = service.keys
  if (key === undefined) throw new Error('The service has no key.')
  return signToken(key, claims)
}

const claimsNow = (given: Record<string, unknown> = {}): ReturnType<typeof claimsAt> =>
  claimsAt(Date.now(), given)

describe.each(['http.ts', 'express.ts', 'fastify.ts'])('examples/%s', (name) => {
  test('examples/%s serves a good token, refuses it after its session ended, and stops', async () => {
    const { url, stop } = await run(name)
    const [ending, staying] = [claimsNow(), claimsNow({ sub: '8', user_id: 8 })]
    const me = (accessToken?: string): Promise<Response> =>
      fetch(
        `${url}/me`,
        accessToken === undefined ? {} : { headers: { authorization: `Bearer ${accessToken}` } },
      )

    expect(await (await me(token(ending))).json()).toEqual({ user_id: 7 })
    expect((await me()).status).toBe(401)
    expect((await me(`${token(ending)}x`)).headers.get('www-authenticate')).toBe(
      'Bearer error="invalid_token"',
    )

    const remove = (accessToken: string): Promise<Response> =>
      fetch(`${url}/messages`, { method: 'DELETE', headers: { authorization: `Bearer ${accessToken}` } })
    expect((await remove(token(claimsNow()))).status).toBe(204)
    const old = await remove(token(claimsNow({ auth_time: Math.floor(Date.now() / 1000) - 700 })))
    expect([old.status, old.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer error="insufficient_user_authentication", max_age="600"',
    ])

    service.revoke(ending.sid, { reason: 'signed_out' })
    let refused = await me(token(ending))
    while (refused.ok) refused = await me(token(ending))
    expect(refused.status).toBe(401)
    expect(await refused.json()).toMatchObject({ code: 'session_ended', reason: 'signed_out' })
    expect((await me(token(staying))).status).toBe(200)
    expect(await stop()).toBe(0)
  })
})

describe('examples/ws.ts', () => {
  test('examples/ws.ts keeps a renewed socket, closes that of an ended session, and stops', async () => {
    const { url, stop } = await run('ws.ts')
    const [ending, staying] = [claimsNow(), claimsNow({ sub: '8', user_id: 8 })]
    service.tickets.set('t1', { claims: ending })
    const byTicket = new WebSocket(`${url.replace('http', 'ws')}/?ticket=t1`)
    const byToken = open(url, token(staying))
    await Promise.all([once(byTicket, 'open'), once(byToken, 'open')])

    expect(await answerOf(byTicket, 'hello')).toBe('7: hello')
    const renewal = (accessToken: string): string =>
      JSON.stringify({ type: 'renew', access_token: accessToken })
    const newer = { ...ending, gen: 1, exp: ending.exp + 60 }
    expect(JSON.parse(await answerOf(byTicket, renewal(token(newer))))).toEqual({
      type: 'renewed',
      expires_at: newer.exp,
    })
    expect(JSON.parse(await answerOf(byTicket, renewal(token(staying))))).toEqual({
      type: 'renewal_refused',
      code: 'invalid_claims',
    })

    service.revoke(ending.sid)
    const [code, reason] = (await once(byTicket, 'close')) as [number, Buffer]
    expect([code, reason.toString()]).toEqual([4401, 'session ended'])
    const again = open(url, token(ending))
    const [, response] = (await once(again, 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(response.statusCode).toBe(401)
    again.on('error', () => undefined).terminate()
    expect(await answerOf(byToken, 'still here')).toBe('8: still here')

    const closed = once(byToken, 'close')
    expect(await stop()).toBe(0)
    expect((await closed)[0]).toBe(1001)
  })
})

const open = (url: string, accessToken: string): WebSocket =>
  new WebSocket(url.replace('http', 'ws'), { headers: { authorization: `Bearer ${accessToken}` } })

async function answerOf(socket: WebSocket, text: string): Promise<string> {
  const answer = once(socket, 'message')
  socket.send(text)
  return String((await answer)[0])
}

describe('examples/socket.io.ts', () => {
  test('examples/socket.io.ts keeps a renewed socket, ends that of an ended session, and stops', async () => {
    const { url, stop } = await run('socket.io.ts')
    const [ending, staying] = [claimsNow(), claimsNow({ sub: '8', user_id: 8 })]
    service.tickets.set('t1', { claims: ending })
    const byTicket = connect(url, { ticket: 't1' })
    const byToken = connect(url, { token: token(staying) })
    await Promise.all([heard(byTicket, 'connect'), heard(byToken, 'connect')])

    expect(await byTicket.emitWithAck('echo', 'hello')).toBe('7: hello')
    expect(await byTicket.emitWithAck('renew', token({ ...ending, gen: 1 }))).toBe('renewed')
    expect(await byTicket.emitWithAck('renew', token(staying))).toBe('invalid_claims')

    const end = heard(byTicket, 'session_ended')
    const gone = heard(byTicket, 'disconnect')
    service.revoke(ending.sid)
    expect(await end).toEqual([{ code: 4401, reason: 'session ended' }])
    await gone
    const [error] = (await heard(connect(url, { token: token(ending) }), 'connect_error')) as [Error]
    expect(error).toMatchObject({ data: { code: 'session_ended', reason: 'terminated' } })
    expect(await byToken.emitWithAck('echo', 'still here')).toBe('8: still here')
    expect(await stop()).toBe(0)
  })
})

function connect(url: string, auth: object): Socket {
  const socket = io(url, { auth, forceNew: true, reconnection: false })
  onTestFinished(() => void socket.disconnect())
  return socket
}

const heard = (socket: Socket, event: string): Promise<unknown[]> =>
  new Promise((resolve) => socket.once(event, (...values: unknown[]) => resolve(values)))
