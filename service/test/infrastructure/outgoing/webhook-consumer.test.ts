import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../../src/application/ports/deliveries.ts'
import type { EventConsumer } from '../../../src/application/ports/event-consumer.ts'
import { sessionEnded, userUpdated } from '../../../src/domain/event.ts'
import { safePost } from '../../../src/infrastructure/outgoing/safe-request.ts'
import { WebhookConsumer, webhookName } from '../../../src/infrastructure/outgoing/webhook-consumer.ts'
import { aSession, aUser, at } from '../../support/builders.ts'
import { StubServer, type Received } from '../../support/stub-server.ts'

const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_c2Vjb25kIHNlY3JldCBvZiB0aGUgdGVzdHMh']

/** A receiver, after the text of the Standard Webhooks specification, "Verifying webhook authenticity". */
function verify({ headers, body }: Received, secret: string, now: Date): boolean {
  const [id, timestamp] = [headers['webhook-id'], headers['webhook-timestamp']]
  if (typeof id !== 'string' || typeof timestamp !== 'string' || !/^\d+$/.test(timestamp)) return false
  if (Math.abs(Number(timestamp) - +now / 1000) > 300) return false
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  const given = String(headers['webhook-signature']).split(' ')
  return given.some((signature) => {
    const [version, value] = signature.split(',')
    return version === 'v1' && value === expected
  })
}

let standIn: StubServer
beforeEach(async () => {
  standIn = await StubServer.start()
})
afterEach(() => standIn.down())

const event: StoredEvent = {
  ...userUpdated(aUser(), ['username'], at(1.5)),
  id: '0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11',
  version: 1,
  actor: 'service:ops',
}
const deliver = async (given: readonly string[] = secrets, what = event): Promise<Received> => {
  const consumer = new WebhookConsumer(
    { url: `${standIn.url}/in?key=1`, secrets: given },
    safePost({ allowPrivate: true }),
  )
  await consumer.receive(what, at(7.9))
  const received = standIn.received.at(-1)
  if (received === undefined) throw new Error('nothing arrived')
  return received
}

describe('a webhook', () => {
  test('a webhook carries the event with its id and time', async () => {
    const { path, headers, body } = await deliver()
    expect(path).toBe('/in?key=1')
    expect(JSON.parse(body)).toEqual({
      type: 'user.updated',
      actor: 'service:ops',
      timestamp: '2026-03-01T12:00:01.500Z',
      version: 1,
      data: { user_id: 42, username: 'anna', changed: ['username'] },
    })
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': event.id,
      'webhook-timestamp': String(Math.floor(+at(7) / 1000)),
    })
  })

  test('a webhook has the same signature as the example of the specification', () => {
    // From the specification's "Signature scheme": the receiver above, too, has to agree with it.
    const received: Received = {
      method: 'POST',
      path: '/',
      body: '{"test": 2432232314}',
      headers: {
        'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        'webhook-timestamp': '1614265330',
        'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      },
    }
    expect(verify(received, secrets[0] ?? '', new Date(1614265330_000))).toBe(true)
  })

  test(
    'a webhook is signed with each secret, so that a receiver may hold either',
    { tags: ['OUT-5'] },
    async () => {
      const received = await deliver()
      for (const secret of secrets) expect(verify(received, secret, at(7))).toBe(true)
      expect(verify(received, 'whsec_YW5vdGhlciBzZWNyZXQgb2YgdGhlIHRlc3RzIQ==', at(7))).toBe(false)
      expect(received.headers['webhook-signature']).toMatch(/^v1,\S{44} v1,\S{44}$/)
      const alone = await deliver(secrets.slice(1))
      expect(verify(alone, secrets[0] ?? '', at(7))).toBe(false)
      expect(verify(alone, secrets[1] ?? '', at(7))).toBe(true)
    },
  )

  test('an altered or old webhook does not verify', async () => {
    const received = await deliver()
    const [secret = ''] = secrets
    expect(verify({ ...received, body: received.body.replace('anna', 'bert') }, secret, at(7))).toBe(false)
    expect(verify({ ...received, headers: { ...received.headers, 'webhook-id': 'x' } }, secret, at(7))).toBe(
      false,
    )
    expect(verify(received, secret, at(600))).toBe(false)
  })

  test('a webhook is the same at every attempt, except for its time', async () => {
    const [first, second] = [await deliver(), await deliver()]
    expect(second.body).toBe(first.body)
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id'])
  })

  test.each([199, 300, 302, 400, 410, 429, 500, 503])(
    'a webhook with a response of %d is a failed delivery',
    async (status) => {
      standIn.respond = (_, response) => response.writeHead(status === 199 ? 304 : status).end()
      await expect(deliver()).rejects.toThrow(/^responded with \d{3}$/)
    },
  )

  test('a webhook consumer receives every event', () => {
    const consumer: EventConsumer = new WebhookConsumer({ url: standIn.url, secrets }, () =>
      Promise.resolve(204),
    )
    expect(consumer.wants({ ...sessionEnded(aSession(), at(0)), id: 'x', version: 1, actor: 'system' })).toBe(
      true,
    )
  })

  test('the name of a webhook is stable and does not show secrets of its address', () => {
    const url = 'https://hooks.example.org:8443/services/T0/secret?token=secret'
    expect(webhookName(url)).toMatch(/^webhook-hooks\.example\.org:8443-[0-9a-f]{8}$/)
    expect(webhookName(url)).toBe(webhookName(url))
    expect(webhookName(url)).not.toBe(webhookName(`${url}2`))
  })
})
