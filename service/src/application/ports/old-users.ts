import type { UserId } from '../../domain/user.ts'

/** A row of the old users as it is: nothing about it is sure. */
export interface OldUser {
  /** In decimal digits, if it is a number at all. */
  readonly id: string | null
  readonly username: string | null
  readonly email: string | null
  readonly password: string | null
  readonly hasPicture: boolean
}

/** The people of the service that this one takes over from, all as of one moment. Only read. */
export interface OldUsers {
  /** How many rows there are, and the greatest id among them that is not above the limit. */
  survey(limit: UserId): Promise<{ count: number; greatestId: UserId | undefined }>

  /** Every row once, by rising id, in pages of bounded size. */
  pages(): AsyncIterable<readonly OldUser[]>
}
