import type { PasswordHash } from '../../domain/password.ts'
import type { SearchCursor } from '../../domain/user-search.ts'
import type { NewUser, User, UserId } from '../../domain/user.ts'
import type { Username } from '../../domain/username.ts'

/** The name typed at sign-in, as the keys it can be looked up by. */
export interface SignInName {
  readonly usernameKey: string | undefined
  readonly emailKey: string | undefined
}

export interface SignInCandidate {
  readonly user: User | undefined
  /** The user signed in with this device id before, so the device has its own attempt budget. */
  readonly deviceIsKnown: boolean
  /** The user signed in from this network before. */
  readonly networkIsKnown: boolean
  /** The store contains imported hashes of another kind, so every check must cost as much as theirs. */
  readonly foreignHashesInUse: boolean
}

export interface UserSearch {
  /** The fragment as `searchKey` returns it. No character is a wildcard. */
  readonly fragment: string
  /** Where the last page ended; undefined for the first. */
  readonly after: SearchCursor | undefined
  readonly limit: number
  /** The caller, who is left out. */
  readonly except: UserId | undefined
  /** Disabled users are left out unless an operator searches. */
  readonly withDisabled: boolean
  /** Users whose ban is over by then are not disabled. */
  readonly now: Date
}

export interface NewestUsers {
  readonly onlyDisabled: boolean
  /** Only users with a lower id. */
  readonly before: UserId | undefined
  readonly limit: number
  /** Users whose ban is over by then are not disabled. */
  readonly now: Date
}

export interface FoundUser {
  readonly user: User
  readonly cursor: SearchCursor
}

/** No method ever returns a deleted user. */
export interface Users {
  find(id: UserId): Promise<User | undefined>

  /** The users with these ids, in no particular order. Unknown ids are left out. */
  findAll(ids: readonly UserId[]): Promise<readonly User[]>

  /** The owner of an address: the user who verified it, or else the only user who has it. */
  findByEmail(emailKey: string): Promise<User | undefined>

  /** Up to `limit` users who have the address: the one who verified it first, then by rising ids. */
  holdersOf(emailKey: string, limit: number): Promise<readonly User[]>

  /**
   * The users whose name contains the fragment, each once: the exact match first, then names that begin with it, then
   * the others. The order is stable while names do not change. The work grows with `limit`, not with the number of
   * users.
   */
  search(search: UserSearch): Promise<readonly FoundUser[]>

  /** Users by falling ids. The work grows with `limit`, not with the number of users. */
  newest(wanted: NewestUsers): Promise<readonly User[]>

  /** An address finds its owner, as `findByEmail`. Does the same work whether the user exists or not. */
  findForSignIn(
    name: SignInName,
    from: { deviceId: string | undefined; network: string },
  ): Promise<SignInCandidate>

  /** Replaces `old` by `renewed`, if `old` is still the stored one. */
  renewPasswordHash(id: UserId, old: PasswordHash, renewed: PasswordHash): Promise<void>
}

/** The users inside a transaction. */
export interface UsersInTransaction {
  /**
   * Reads the user and holds them until the transaction ends. Everything that changes a user, or starts or ends their
   * sessions, takes this lock first. So their events are in order, and no sign-in succeeds after a ban.
   */
  lock(id: UserId): Promise<User | undefined>

  /**
   * Locks the users to whom mail about these addresses goes: of each address the user who verified it, or else the five who have
   * had it for longest, so that nobody can keep the others from their mail. Users who signed up with it count as earlier than
   * users who changed to it. Returns them in no particular order.
   */
  lockRecipients(emailKeys: readonly string[]): Promise<readonly User[]>

  /**
   * Throws `username_taken`; of parallel calls with the same name one succeeds. Several users may have an address, but only one
   * a verified one.
   */
  add(user: NewUser): Promise<User>

  /**
   * Writes everything but the id. A changed name is refused as `add` refuses it, but a name that is held for this
   * user may be taken. Names that are held for a user who is saved as deleted stay reserved, for nobody. An address that another
   * user has verified cannot be saved as verified: see `isVerifiedByAnother`.
   */
  save(user: User): Promise<void>

  /**
   * For services that cannot verify addresses: throws `email_taken` if another user than this one has the address. Call it after
   * `add` or `save`: of parallel transactions that do so with one address, one succeeds.
   */
  requireOnlyHolder(user: User): Promise<void>

  /** Whether another user has verified this user's address. Until the transaction ends, nobody else can verify it. */
  isVerifiedByAnother(user: Pick<User, 'id' | 'email'>): Promise<boolean>

  /**
   * Lifts up to `limit` bans that are over, except those of users whom another transaction holds. Returns the users and
   * holds them.
   */
  liftBans(now: Date, limit: number): Promise<readonly UserId[]>

  /**
   * Reserves a name that its user gives up, and names that look like it, until then. Only `heldFor` may take one of them.
   * Only hashes of the name are stored.
   */
  holdName(username: Username, until: Date, heldFor: UserId | undefined): Promise<void>
}
