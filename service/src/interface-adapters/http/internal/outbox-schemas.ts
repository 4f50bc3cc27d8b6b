import { z } from 'zod'
import type { DeliveryPage } from '../../application/outbox/list-deliveries.ts'
import type { ListedDelivery } from '../../application/ports/deliveries.ts'
import { DELIVERY_STATES } from '../../domain/delivery.ts'

const CONSUMER = 'webhook-hooks.example.org-5f4dcc3b'
const id = z
  .string()
  .regex(/^[1-9][0-9]{0,14}$/)
  .meta({ examples: ['4711'] })
const time = z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] })
// Hosts are ASCII in addresses, and so are names made of them.
const consumer = z
  .string()
  .max(300)
  .regex(/^[!-~]+$/)
  .meta({ description: 'The name of a consumer, as the list shows it.', examples: [CONSUMER] })

export const outboxQuery = z.object({
  state: z.enum(DELIVERY_STATES).default('dead'),
  consumer: consumer.optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(50)
    .meta({ examples: [50] }),
  cursor: id.optional().meta({ description: 'The `next_cursor` of the page before.', examples: ['4711'] }),
})

export const deliveryParams = z.object({
  id: id.meta({ description: 'The id of a delivery.', examples: ['4711'] }),
})

export const replay = z.object({ consumer }).meta({ id: 'Replay' })

export const replayed = z
  .object({ replayed: z.int().meta({ description: 'How many are tried again.', examples: [12] }) })
  .meta({ id: 'Replayed' })

const delivery = z
  .object({
    id: id.meta({ examples: ['4711'] }),
    consumer,
    state: z.enum(DELIVERY_STATES),
    event: z.object({
      id: z
        .string()
        .meta({ description: 'The webhook-id.', examples: ['0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11'] }),
      type: z.string().meta({ examples: ['user.updated'] }),
      user_id: z.int().meta({ examples: [17] }),
      occurred_at: time,
    }),
    attempts: z.int().meta({ examples: [3] }),
    last_error: z
      .string()
      .nullable()
      .meta({ description: 'Why the last attempt failed; null before.', examples: ['answered 500'] }),
    next_attempt_at: time.nullable().meta({
      description: "When something of this person's is tried next; null for the dead.",
      examples: [null],
    }),
    dead_at: time.nullable().meta({ examples: ['2026-02-03T12:00:00.000Z'] }),
  })
  .meta({ id: 'Delivery' })

export const deliveryList = z
  .object({
    items: z.array(delivery),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: 'Null on the last page.', examples: ['4711'] }),
  })
  .meta({ id: 'DeliveryList' })

export const presentPage = ({ items, next }: DeliveryPage) => ({
  items: items.map(present),
  next_cursor: next === undefined ? null : String(next),
})

const present = (listed: ListedDelivery) => ({
  id: String(listed.id),
  consumer: listed.consumer,
  state: listed.state,
  event: {
    id: listed.eventId,
    type: listed.eventType,
    user_id: listed.userId,
    occurred_at: listed.occurredAt.toISOString(),
  },
  attempts: listed.attempts,
  last_error: listed.lastError ?? null,
  next_attempt_at: listed.nextAttemptAt?.toISOString() ?? null,
  dead_at: listed.deadAt?.toISOString() ?? null,
})
