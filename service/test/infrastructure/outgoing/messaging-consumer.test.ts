import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../../src/application/ports/deliveries.ts'
import { userDeleted, userDisabled, userUpdated } from '../../../src/domain/event.ts'
import { deleteUser, type User } from '../../../src/domain/user.ts'
import { deliveryTokens } from '../../../src/infrastructure/crypto/delivery-tokens.ts'
import { JwtAccessTokens } from '../../../src/infrastructure/crypto/jwt-access-tokens.ts'
import { SharedSecretKeys } from '../../../src/infrastructure/crypto/key-ring.ts'
import { MessagingConsumer } from '../../../src/infrastructure/outgoing/messaging-consumer.ts'
import type { OutgoingPost } from '../../../src/infrastructure/outgoing/safe-request.ts'
import { parseUsername } from '../../../src/domain/username.ts'
import { FakeReceiptProofs } from '../../fakes/fake-receipt-proofs.ts'
import { aBan, at, aUser } from '../../support/builders.ts'

const KEY = 'the shared key of the platform, long enough'
const keys = new SharedSecretKeys(KEY)
const stored = (event: ReturnType<typeof userUpdated>): StoredEvent => ({
  ...event,
  id: 'x',
  version: 1,
  actor: 'system',
})

function aConsumer(users: readonly User[], status = 204) {
  const posts: OutgoingPost[] = []
  const consumer = new MessagingConsumer({
    messagingUrl: 'http://messaging:8000/',
    publicUrl: 'https://auth.example.org',
    users: { find: (id) => Promise.resolve(users.find((user) => user.id === id)) },
    tokenOf: deliveryTokens(keys, 'https://auth.example.org'),
    post: (post) => {
      posts.push(post)
      return Promise.resolve(status)
    },
  })
  return { consumer, posts }
}

describe('the messaging service', () => {
  test('the messaging service gets the current name, not the name at the time of the event', async () => {
    const now = { ...aUser(), username: parseUsername('anna_now') }
    const { consumer, posts } = aConsumer([now])
    await consumer.receive(stored(userUpdated(aUser(), ['username'], at(0))), at(60))
    expect(posts[0]?.url).toBe('http://messaging:8000/messaging/chats/update-chat-related-user')
    const body = JSON.parse(posts[0]?.body ?? '') as Record<string, unknown>
    expect(Object.keys(body)).toEqual(['id', 'username', 'avatar_url'])
    expect(body).toMatchObject({ id: 42, username: 'anna_now' })
    expect(body['avatar_url']).toMatch(/^https:\/\/auth\.example\.org\//)
  })

  test('the messaging service gets only changes of name and picture', () => {
    const { consumer } = aConsumer([])
    expect(consumer.wants(stored(userUpdated(aUser(), ['username'], at(0))))).toBe(true)
    expect(consumer.wants(stored(userUpdated(aUser(), ['avatar'], at(0))))).toBe(true)
    expect(consumer.wants(stored(userUpdated(aUser(), ['email'], at(0))))).toBe(false)
    expect(consumer.wants(stored(userUpdated(aUser(), ['email', 'avatar'], at(0))))).toBe(true)
    expect(consumer.wants(stored(userDisabled(aUser().id, aBan({ since: at(0) }))))).toBe(false)
  })

  test('the messaging service gets no name of a deleted user, whatever the event', async () => {
    const { consumer, posts } = aConsumer([deleteUser(aUser(), at(1))])
    for (const event of [userUpdated(aUser(), ['username'], at(0)), userDeleted(aUser(), at(1))]) {
      expect(consumer.wants(stored(event))).toBe(true)
      await consumer.receive(stored(event), at(60))
    }
    for (const { body } of posts) expect(JSON.parse(body)).toMatchObject({ id: 42, username: 'deleted-42' })
    expect(posts.map(({ body }) => body).join()).not.toContain('anna')
    expect(posts).toHaveLength(2)
  })

  test('the messaging service gets nothing about an unknown user', async () => {
    const { consumer, posts } = aConsumer([])
    await consumer.receive(stored(userUpdated(aUser(), ['username'], at(0))), at(60))
    expect(posts).toEqual([])
  })

  test('a response of the messaging service other than 2xx is a failed delivery', async () => {
    const { consumer } = aConsumer([aUser()], 302)
    await expect(consumer.receive(stored(userUpdated(aUser(), ['username'], at(0))), at(0))).rejects.toThrow(
      'responded with 302',
    )
  })

  test('the messaging service gets a token of the user that is valid for one minute', async () => {
    const { consumer, posts } = aConsumer([aUser()])
    await consumer.receive(stored(userUpdated(aUser(), ['username'], at(0))), at(60.5))
    const token = /^Bearer (\S+)$/.exec(posts[0]?.headers['authorization'] ?? '')?.[1] ?? ''
    const [header = '', payload = '', signature] = token.split('.')
    expect(createHmac('sha256', KEY).update(`${header}.${payload}`).digest('base64url')).toBe(signature)
    const read = (part: string) =>
      JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
    expect(read(header)).toMatchObject({ alg: 'HS256', typ: 'delivery+jwt' })
    const sentAt = +at(60) / 1000
    expect(read(payload)).toEqual({
      iss: 'https://auth.example.org',
      sub: '42',
      user_id: 42,
      // The clock of the messaging service may be slow, and PyJWT gives it no leeway.
      iat: sentAt - 30,
      exp: sentAt + 60,
      jti: expect.stringMatching(/^[\da-f-]{36}$/) as string,
    })
  })

  test('the token for the messaging service is refused as an access token', { tags: ['OUT-6'] }, async () => {
    const { consumer, posts } = aConsumer([aUser()])
    await consumer.receive(stored(userUpdated(aUser(), ['username'], at(0))), at(60))
    const token = (posts[0]?.headers['authorization'] ?? '').replace('Bearer ', '')
    const settings = { issuer: 'https://auth.example.org', audience: undefined, ttlSeconds: 600 }
    const accessTokens = new JwtAccessTokens(keys, new FakeReceiptProofs(), settings)
    expect(accessTokens.verify(token, at(61))).toBeUndefined()
    // Nor would it with the header of an access token, since it names no session.
    const [, payload = ''] = token.split('.')
    const signed = `${keys.signingKey().encodedHeader}.${payload}`
    const forged = `${signed}.${createHmac('sha256', KEY).update(signed).digest('base64url')}`
    expect(accessTokens.verify(forged, at(61))).toBeUndefined()
  })
})
