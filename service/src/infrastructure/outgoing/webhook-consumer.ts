import { createHash, createHmac } from 'node:crypto'
import type { StoredEvent } from '../../application/ports/deliveries.ts'
import { DeliveryFailed, type EventConsumer } from '../../application/ports/event-consumer.ts'
import type { Post } from './safe-request.ts'

/** Before the base64 of a secret (Standard Webhooks, "Signature scheme"). */
export const WEBHOOK_SECRET_PREFIX = 'whsec_'

export interface WebhookSettings {
  readonly url: string
  /** Each signs, so that a receiver may hold either while one is replaced. */
  readonly secrets: readonly string[]
}

/** The body of a webhook: the same bytes at every attempt, unless the person was deleted in between. */
export const webhookBody = ({ type, version, occurredAt, userId, data }: StoredEvent): string =>
  JSON.stringify({ type, timestamp: occurredAt.toISOString(), version, data: { user_id: userId, ...data } })

/** The host, for people, and enough of a hash to tell two addresses of one host apart. The rest may hold secrets. */
export const webhookName = (url: string): string =>
  `webhook-${new URL(url).host}-${createHash('sha256').update(url).digest('hex').slice(0, 8)}`

/** Tells one address of every event (https://www.standardwebhooks.com, specification 1.0.0). */
export class WebhookConsumer implements EventConsumer {
  readonly name: string
  readonly #url: string
  readonly #keys: readonly Buffer[]
  readonly #post: Post

  constructor({ url, secrets }: WebhookSettings, post: Post) {
    this.name = webhookName(url)
    this.#url = url
    this.#keys = secrets.map((secret) => Buffer.from(secret.slice(WEBHOOK_SECRET_PREFIX.length), 'base64'))
    this.#post = post
  }

  wants(): boolean {
    return true
  }

  async receive(event: StoredEvent, now: Date): Promise<void> {
    const body = webhookBody(event)
    const timestamp = String(Math.floor(+now / 1000))
    const signed = `${event.id}.${timestamp}.${body}`
    const signatures = this.#keys.map((key) => createHmac('sha256', key).update(signed).digest('base64'))
    const status = await this.#post({
      url: this.#url,
      body,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'chat-auth',
        'webhook-id': event.id,
        'webhook-timestamp': timestamp,
        'webhook-signature': signatures.map((signature) => `v1,${signature}`).join(' '),
      },
    })
    if (status < 200 || status > 299) throw new DeliveryFailed(`answered ${status}`)
  }
}
