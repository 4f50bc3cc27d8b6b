import type { UserId } from '../../domain/user.ts'

/** An event as it is kept. */
export interface RecordedEvent {
  readonly id: number
  readonly type: string
  readonly occurredAt: Date
  readonly data: Readonly<Record<string, unknown>>
}

export interface Events {
  /** One page of the kept events of a user, oldest first: at most `limit` after `last`, or the first ones. */
  page(userId: UserId, last: number | undefined, limit: number): Promise<readonly RecordedEvent[]>
}
