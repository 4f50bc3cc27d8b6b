import type { PasswordHash } from '../../domain/password.ts'
import type { SearchPlace } from '../../domain/user-search.ts'
import type { NewUser, User, UserId } from '../../domain/user.ts'
import type { Username } from '../../domain/username.ts'

/** What somebody typed to say who they are, as the keys it can be looked up by. */
export interface SignInName {
  readonly usernameKey: string | undefined
  readonly emailKey: string | undefined
}

export interface SignInCandidate {
  readonly user: User | undefined
  /** The person signed in with this device id before: it keeps its own attempt budget. */
  readonly deviceIsKnown: boolean
  /** The person signed in from this network before. */
  readonly networkIsKnown: boolean
  /** The store holds hashes of a foreign kind, so every check has to cost the same as theirs. */
  readonly foreignHashesInUse: boolean
}

export interface UserSearch {
  /** What is looked for, as `fragmentKey` gives it. Every character means itself. */
  readonly fragment: string
  /** Where the last page ended; undefined for the first. */
  readonly after: SearchPlace | undefined
  readonly limit: number
  /** The one who asks. */
  readonly except: UserId | undefined
  /** People who were disabled are left out unless an operator asks. */
  readonly withDisabled: boolean
}

export interface FoundUser {
  readonly user: User
  readonly place: SearchPlace
}

/** Deleted people are, for every question, as if they had never been. */
export interface Users {
  find(id: UserId): Promise<User | undefined>

  /** Those of the users that there are, in no particular order. */
  findAll(ids: readonly UserId[]): Promise<readonly User[]>

  findByEmail(emailKey: string): Promise<User | undefined>

  /**
   * The users whose name holds the fragment: the exact match first, then names that begin with it, then the others, each
   * once, in an order that does not change while names do not. The work grows with `limit`, not with the number of people.
   */
  search(search: UserSearch): Promise<readonly FoundUser[]>

  /** The same work whether the person exists or not. */
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
   * Reads the user and holds them until the transaction ends. Everything that changes a user, or starts or ends
   * their sessions, takes this lock first: it orders their events and lets no sign-in slip past a ban.
   */
  lock(id: UserId): Promise<User | undefined>

  /** Throws `username_taken` or `email_taken`; of parallel calls with the same name one succeeds. */
  add(user: NewUser): Promise<User>

  /** Writes everything but the id. Throws as `add` does. */
  save(user: User): Promise<void>

  /** Nobody gets this name, or one that looks like it, before that moment. Only what cannot be read back is kept. */
  holdName(username: Username, until: Date): Promise<void>
}
