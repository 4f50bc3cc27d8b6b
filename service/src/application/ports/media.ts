import type { Avatar, AvatarSize } from '../../domain/avatar.ts'
import type { UserId } from '../../domain/user.ts'

/** The pictures that are shown. */
export interface Media {
  /** The picture of that name, whoever has it; undefined when nobody has it any more. */
  find(name: string, size: AvatarSize): Promise<Uint8Array | undefined>
}

/** The pictures inside a transaction. */
export interface MediaInTransaction {
  /** Keeps a person's picture in the place of the one they had. Somebody else may have the very same one. */
  put(userId: UserId, avatar: Avatar): Promise<void>

  /** Removes a person's picture, if they have one, and nobody else's. */
  remove(userId: UserId): Promise<void>
}
