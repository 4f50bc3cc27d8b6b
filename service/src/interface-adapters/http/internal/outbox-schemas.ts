import { z } from 'zod'
import type { DeliveryPage } from '../../../application/outbox/list-deliveries.ts'
import type { ListedDelivery } from '../../../application/ports/deliveries.ts'
import { DELIVERY_STATES } from '../../../domain/delivery.ts'
import { pageSize } from '../page-size.ts'

const CONSUMER = 'webhook-hooks.example.org-5f4dcc3b'
const id = z
  .string()
  .regex(/^[1-9][0-9]{0,14}$/)
  .meta({ examples: ['4711'] })
const time = z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] })
// Made from host names, which are ASCII in a URL.
const consumer = z
  .string()
  .max(300)
  .regex(/^[!-~]+$/)
  .meta({ description: 'The name of a consumer, as in the list of deliveries.', examples: [CONSUMER] })

export const outboxQuery = z.strictObject({
  state: z.enum(DELIVERY_STATES).default('dead'),
  consumer: consumer.optional(),
  limit: pageSize('deliveries', { maximum: 200, standard: 50 }),
  cursor: id.optional().meta({ description: 'The `next_cursor` of the previous page.', examples: ['4711'] }),
})

export const deliveryParams = z.object({
  id: id.meta({ description: 'The id of a delivery.', examples: ['4711'] }),
})

export const replay = z.strictObject({ consumer }).meta({ id: 'Replay' })

export const replayed = z
  .object({
    replayed: z.int().meta({ description: 'The number of deliveries that are retried.', examples: [12] }),
  })
  .meta({ id: 'Replayed' })

export const announcement = z
  .strictObject({
    cursor: id.optional().meta({
      description: 'The `next_cursor` of the previous call. Begins with the first user without it.',
    }),
  })
  .meta({ id: 'Announcement' })

export const announced = z
  .object({
    announced: z.int().meta({ description: 'The number of users who will be sent.', examples: [500] }),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: 'Send it with the next call; null after the last user.', examples: ['4711'] }),
  })
  .meta({ id: 'Announced' })

const delivery = z
  .object({
    id: id.meta({ examples: ['4711'] }),
    consumer,
    state: z.enum(DELIVERY_STATES),
    event: z.object({
      id: z.string().meta({
        description: 'The `webhook-id` header of the delivery.',
        examples: ['0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11'],
      }),
      type: z.string().meta({ examples: ['user.updated'] }),
      user_id: z.int().meta({ examples: [17] }),
      occurred_at: time,
    }),
    attempts: z.int().meta({ examples: [3] }),
    last_error: z
      .string()
      .nullable()
      .meta({
        description: 'Why the last attempt failed; null before the first attempt.',
        examples: ['responded with 500'],
      }),
    next_attempt_at: time.nullable().meta({
      description: 'When the next delivery for the same user is attempted; null if it was given up.',
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
      .meta({ description: 'The cursor of the next page; null on the last page.', examples: ['4711'] }),
  })
  .meta({ id: 'DeliveryList' })

export const pageBody = ({ items, next }: DeliveryPage) => ({
  items: items.map(deliveryBody),
  next_cursor: next === undefined ? null : String(next),
})

const deliveryBody = (listed: ListedDelivery) => ({
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
