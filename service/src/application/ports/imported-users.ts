import type { User, UserId } from '../../domain/user.ts'

/** What people who are to be added want to have for themselves. */
export interface Claims {
  readonly ids: readonly UserId[]
  readonly usernameKeys: readonly string[]
  readonly looks: readonly string[]
  readonly emailKeys: readonly string[]
}

export interface Holder {
  readonly id: UserId
  readonly usernameKey: string
  readonly emailKey: string
}

/** Who has what of some claims. */
export interface Holdings {
  readonly holders: readonly Holder[]
  readonly looks: ReadonlyMap<string, UserId>
  /** Keys and looks of names that are kept free for a while after their owner was deleted. */
  readonly heldNames: ReadonlySet<string>
}

/** Where people go who are brought over with the ids they have. */
export interface ImportedUsers {
  /** From now on nobody who registers gets an id up to this one. */
  reserveIds(upTo: UserId): Promise<void>

  /**
   * Runs `work` so that all of it is durable once the promise resolves, and none of it when it rejects. It runs again when
   * somebody registered with one of the names meanwhile, and then finds them among the holders.
   */
  transaction<T>(work: (tx: ImportTransaction) => Promise<T>): Promise<T>
}

export interface ImportTransaction {
  /** Everybody who has at least one of the claims. */
  holdings(claims: Claims): Promise<Holdings>

  /** Adds them with their ids; none of them may claim what another has. */
  addAll(users: readonly User[]): Promise<void>
}
