import type { EventConsumer } from '../../application/ports/event-consumer.ts'
import type { Users } from '../../application/ports/users.ts'
import type { ConsumerSettings } from '../consumer-settings.ts'
import { deliveryTokens } from '../crypto/delivery-tokens.ts'
import type { TokenKeys } from '../crypto/key-ring.ts'
import { MessagingConsumer } from './messaging-consumer.ts'
import { safePost } from './safe-request.ts'
import { WebhookConsumer } from './webhook-consumer.ts'

interface ConsumerDeps {
  readonly users: Pick<Users, 'find'>
  readonly tokenKeys: TokenKeys
}

/** Everybody the settings want told of events. */
export function createConsumers(
  settings: ConsumerSettings & { readonly publicUrl: string; readonly tokenIssuer: string },
  { users, tokenKeys }: ConsumerDeps,
): readonly EventConsumer[] {
  const { webhooks, webhookAllowPrivate, messagingUrl, publicUrl, tokenIssuer } = settings
  const post = safePost({ allowPrivate: webhookAllowPrivate })
  const consumers: EventConsumer[] = webhooks.map((webhook) => new WebhookConsumer(webhook, post))
  if (messagingUrl === undefined) return consumers
  const tokenOf = deliveryTokens(tokenKeys, tokenIssuer)
  // Its address is the operator's own, who may well mean a private network.
  const postWithin = safePost({ allowPrivate: true })
  return [...consumers, new MessagingConsumer({ messagingUrl, publicUrl, users, tokenOf, post: postWithin })]
}
