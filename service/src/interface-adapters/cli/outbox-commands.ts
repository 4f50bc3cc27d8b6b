import type { z } from 'zod'
import type { announced, deliveryList, replayed } from '../http/internal/outbox-schemas.ts'
import { pathWithQuery, type Command } from './command.ts'
import { CommandFailure } from './exit-codes.ts'
import { shortText, table, time } from './table.ts'
import { nextPageHint } from './user-commands.ts'

type DeliveryList = z.infer<typeof deliveryList>

export interface ListDeliveriesInput {
  readonly state: 'dead' | 'waiting'
  readonly consumer: string | undefined
  readonly limit: number | undefined
  readonly cursor: string | undefined
}

export const listDeliveries =
  (query: ListDeliveriesInput): Command =>
  async ({ call }) => {
    const list = (await call('GET', pathWithQuery('/v1/outbox', { ...query }))) as DeliveryList
    const isDead = query.state === 'dead'
    const rows = list.items.map((delivery) => [
      delivery.id,
      delivery.consumer,
      delivery.event.type,
      delivery.event.user_id,
      time(delivery.event.occurred_at),
      delivery.attempts,
      time(isDead ? delivery.dead_at : delivery.next_attempt_at),
      delivery.last_error === null ? null : shortText(delivery.last_error),
    ])
    const when = isDead ? 'GIVEN UP' : 'NEXT'
    const headings = ['ID', 'CONSUMER', 'EVENT', 'USER', 'OCCURRED', 'ATTEMPTS', when, 'LAST ERROR']
    const none = isDead ? 'No deliveries were given up.' : 'No deliveries are waiting.'
    return { json: list, text: table(headings, rows, none) + nextPageHint(list.next_cursor) }
  }

export const replayDelivery =
  ({ id }: { id: string }): Command =>
  async ({ call }) => {
    await call('POST', `/v1/outbox/${id}/replay`)
    return { json: { replayed: 1 }, text: `Delivery ${id} is being retried.\n` }
  }

export const replayConsumer =
  ({ consumer }: { consumer: string }): Command =>
  async ({ call }) => {
    const body = (await call('POST', '/v1/outbox/replay', { consumer })) as z.infer<typeof replayed>
    const count = body.replayed === 1 ? '1 delivery is' : `${body.replayed} deliveries are`
    return { json: body, text: `${count} being retried.\n` }
  }

/** Tells the messaging service about all users, in batches. If a call fails, the message says how to go on. */
export const tellMessaging =
  ({ from }: { from: string | undefined }): Command =>
  async ({ call, progress }) => {
    let [count, cursor]: [number, string | undefined] = [0, from]
    do {
      const body = cursor === undefined ? {} : { cursor }
      const batch = (await call('POST', '/v1/outbox/tell-messaging', body).catch((error: unknown) => {
        throw cursor !== undefined && error instanceof CommandFailure ? interrupted(error, cursor) : error
      })) as z.infer<typeof announced>
      count += batch.announced
      cursor = batch.next_cursor ?? undefined
      if (cursor !== undefined) progress(`${users(count)} will be sent\n`)
    } while (cursor !== undefined)
    return { json: { announced: count }, text: `${users(count)} will be sent to the messaging service.\n` }
  }

const users = (count: number): string => (count === 1 ? '1 user' : `${count} users`)

const interrupted = (error: CommandFailure, cursor: string): CommandFailure =>
  new CommandFailure(
    `${error.message} To continue, repeat the command with --from ${cursor}.`,
    error.exitCode,
  )
