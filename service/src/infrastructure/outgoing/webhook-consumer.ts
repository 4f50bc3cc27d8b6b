import { createHash, createHmac } from 'node:crypto'
import type { StoredEvent } from '../../application/ports/deliveries.ts'
import { DeliveryFailed, type EventConsumer } from '../../application/ports/event-consumer.ts'
import { WEBHOOK_SECRET_PREFIX, type WebhookSettings } from '../settings/consumer-settings.ts'
import type { Post } from './safe-request.ts'

/** The body of a webhook: the same bytes at every attempt, unless the user was deleted in between. */
export const webhookBody = ({ type, version, actor, occurredAt, userId, data }: StoredEvent): string =>
  JSON.stringify({
    type,
    timestamp: occurredAt.toISOString(),
    version,
    actor,
    data: { user_id: userId, ...data },
  })

/** The host, and a short hash that distinguishes two addresses of one host. The rest of an address may hold secrets. */
export const webhookName = (url: string): string =>
  `webhook-${new URL(url).host}-${createHash('sha256').update(url).digest('hex').slice(0, 8)}`

/** Posts every event to one address (https://www.standardwebhooks.com, specification 1.0.0). */
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
    if (status < 200 || status > 299) throw new DeliveryFailed(`responded with ${status}`)
  }
}
