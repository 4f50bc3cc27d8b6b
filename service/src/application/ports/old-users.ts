import type { UserId } from '../../domain/user.ts'

/** A row of the older service, unchecked. */
export interface OldUser {
  /** In decimal digits, if it is a number at all. */
  readonly id: string | null
  readonly username: string | null
  readonly email: string | null
  readonly password: string | null
  readonly hasPicture: boolean
}

/** The users of the older service, read from one snapshot. Read only. */
export interface OldUsers {
  /** The number of rows, and the greatest id up to `limit`. */
  survey(limit: UserId): Promise<{ count: number; greatestId: UserId | undefined }>

  /** Every row once, by rising id, in pages of bounded size. */
  pages(): AsyncIterable<readonly OldUser[]>
}
