import type { Avatar, AvatarSize } from '../../domain/avatar.ts'
import type { UserId } from '../../domain/user.ts'

/** Users' pictures. */
export interface Media {
  /** The picture of that name; undefined when no user has it any more. */
  find(name: string, size: AvatarSize): Promise<Uint8Array | undefined>
}

/** The pictures inside a transaction. */
export interface MediaInTransaction {
  /** Replaces the user's picture. Another user may have the same one. */
  put(userId: UserId, avatar: Avatar): Promise<void>

  /** Removes the user's picture, if there is one. The same picture of another user stays. */
  remove(userId: UserId): Promise<void>
}
