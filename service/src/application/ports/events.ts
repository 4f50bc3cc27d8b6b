import type { UserId } from '../../domain/user.ts'

/** An event as it is kept. */
export interface RecordedEvent {
  readonly type: string
  readonly occurredAt: Date
  readonly data: Readonly<Record<string, unknown>>
}

export interface Events {
  /** The events about a person that are kept, oldest first. */
  ofUser(userId: UserId): Promise<readonly RecordedEvent[]>
}
