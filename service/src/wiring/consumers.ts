import type { EventConsumer } from '../application/ports/event-consumer.ts'
import type { Users } from '../application/ports/users.ts'
import type { ConsumerSettings } from '../infrastructure/settings/consumer-settings.ts'
import { deliveryTokens } from '../infrastructure/crypto/delivery-tokens.ts'
import type { TokenKeys } from '../infrastructure/crypto/key-ring.ts'
import { MessagingConsumer } from '../infrastructure/outgoing/messaging-consumer.ts'
import { safePost } from '../infrastructure/outgoing/safe-request.ts'
import { WebhookConsumer } from '../infrastructure/outgoing/webhook-consumer.ts'

interface ConsumerDeps {
  readonly users: Pick<Users, 'find'>
  readonly tokenKeys: TokenKeys
}

/** Every consumer that the settings name. */
export function createConsumers(
  settings: ConsumerSettings & { readonly publicUrl: string; readonly tokenIssuer: string },
  { users, tokenKeys }: ConsumerDeps,
): readonly EventConsumer[] {
  const { webhooks, webhookAllowPrivate, messagingUrl, publicUrl, tokenIssuer } = settings
  const post = safePost({ allowPrivate: webhookAllowPrivate })
  const webhookConsumers = webhooks.map((webhook) => new WebhookConsumer(webhook, post))
  if (messagingUrl === undefined) return webhookConsumers
  const messaging = new MessagingConsumer({
    messagingUrl,
    publicUrl,
    users,
    tokenOf: deliveryTokens(tokenKeys, tokenIssuer),
    // The operator chose this address, which may well be in a private network.
    post: safePost({ allowPrivate: true }),
  })
  return [...webhookConsumers, messaging]
}
