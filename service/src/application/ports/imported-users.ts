import type { User, UserId } from '../../domain/user.ts'

/** The ids, names and addresses of the users to be added. */
export interface Claims {
  readonly ids: readonly UserId[]
  readonly usernameKeys: readonly string[]
  readonly looks: readonly string[]
  readonly emailKeys: readonly string[]
}

export interface Holder {
  readonly id: UserId
  readonly usernameKey: string
  /** Undefined for a user without an address. */
  readonly emailKey: string | undefined
}

/** The holders of some claims. */
export interface Holdings {
  readonly holders: readonly Holder[]
  readonly looks: ReadonlyMap<string, UserId>
  /** Keys and looks of names that are reserved, because their user was deleted or has another name now. */
  readonly heldNames: ReadonlySet<string>
}

/** Adds users who keep the ids they had in another service. */
export interface ImportedUsers {
  /** From now on no new user gets an id up to this one. */
  reserveIds(upTo: UserId): Promise<void>

  /**
   * Runs `work` so that all of it is durable once the promise resolves, and none of it when it rejects. It runs again if
   * a user registered with one of the names meanwhile, and then finds that user among the holders.
   */
  transaction<T>(work: (tx: ImportTransaction) => Promise<T>): Promise<T>
}

export interface ImportTransaction {
  /** Every user who has at least one of the claims. Until the transaction ends, nobody else gets one of the addresses. */
  holdings(claims: Claims): Promise<Holdings>

  /**
   * Adds the users with their ids, and an entry about their number to the audit log. There is at least one, and none of
   * them may claim anything that another user has.
   */
  addAll(users: readonly User[], now: Date): Promise<void>

  /** Adds a delivery to the consumer for each of these users, as `Deliveries.announce`. */
  announce(consumer: string, ids: readonly UserId[], now: Date): Promise<void>
}
