import { createHash } from 'node:crypto'
import { ApplicationError } from '../../application/errors.ts'
import type {
  FoundUser,
  NewestUsers,
  SignInCandidate,
  SignInName,
  Users,
  UserSearch,
  UsersInTransaction,
} from '../../application/ports/users.ts'
import { HOLDERS_THAT_DECIDE, ownerAmong } from '../../domain/email-owner.ts'
import type { PasswordHash } from '../../domain/password.ts'
import { looksOf } from '../../domain/skeleton.ts'
import { isDeleted, type NewUser, type User, type UserId } from '../../domain/user.ts'
import type { Username } from '../../domain/username.ts'
import type { Database } from './database.ts'
import { isVerifiedByAnother, lockRecipients, readHolders, requireOnlyHolder } from './email-holders.ts'
import { fromUser, toUser } from './rows.ts'
import { findSignInCandidate } from './sign-in-candidate.ts'
import { requireOneRow } from './affected-rows.ts'
import { serverError } from './unavailable.ts'
import { addEndings, searchUsers } from './user-search.ts'

export class PostgresUsers implements Users, UsersInTransaction {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async find(id: UserId): Promise<User | undefined> {
    const row = await this.#existing().where('id', '=', id).executeTakeFirst()
    return row && toUser(row)
  }

  async findAll(ids: readonly UserId[]): Promise<readonly User[]> {
    if (ids.length === 0) return []
    return (await this.#existing().where('id', 'in', ids).execute()).map(toUser)
  }

  async findByEmail(emailKey: string): Promise<User | undefined> {
    return ownerAmong(await this.holdersOf(emailKey, HOLDERS_THAT_DECIDE))
  }

  holdersOf(emailKey: string, limit: number): Promise<readonly User[]> {
    return readHolders(this.#db, emailKey, limit)
  }

  search(search: UserSearch): Promise<readonly FoundUser[]> {
    return searchUsers(this.#db, search)
  }

  async newest({ onlyDisabled, before, limit, now }: NewestUsers): Promise<readonly User[]> {
    let query = this.#existing()
    if (onlyDisabled) {
      query = query
        .where('disabled_at', 'is not', null)
        .where((where) => where.or([where('disabled_until', 'is', null), where('disabled_until', '>', now)]))
    }
    if (before !== undefined) query = query.where('id', '<', before)
    return (await query.orderBy('id', 'desc').limit(limit).execute()).map(toUser)
  }

  findForSignIn(
    name: SignInName,
    from: { deviceId: string | undefined; network: string },
  ): Promise<SignInCandidate> {
    return findSignInCandidate(this.#db, name, from)
  }

  async renewPasswordHash(id: UserId, old: PasswordHash, renewed: PasswordHash): Promise<void> {
    await this.#db
      .updateTable('users')
      .set({ password_hash: renewed })
      .where('id', '=', id)
      .where('password_hash', '=', old)
      .execute()
  }

  async lock(id: UserId): Promise<User | undefined> {
    const row = await this.#existing().where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
    return row && toUser(row)
  }

  lockRecipients(emailKeys: readonly string[]): Promise<readonly User[]> {
    return lockRecipients(this.#db, emailKeys)
  }

  requireOnlyHolder(user: User): Promise<void> {
    return requireOnlyHolder(this.#db, user)
  }

  isVerifiedByAnother(user: Pick<User, 'id' | 'email'>): Promise<boolean> {
    return isVerifiedByAnother(this.#db, user)
  }

  async add(user: NewUser): Promise<User> {
    const query = this.#db.insertInto('users').values(fromUser(user)).returningAll()
    const added = toUser(await query.executeTakeFirstOrThrow().catch(asTaken))
    await this.#addName(added)
    return added
  }

  async save(user: User): Promise<void> {
    const query = this.#db.selectFrom('users').select('username').where('id', '=', user.id)
    const before = await query.executeTakeFirst()
    const update = this.#db.updateTable('users').set(fromUser(user)).where('id', '=', user.id)
    requireOneRow((await update.executeTakeFirstOrThrow().catch(asTaken)).numUpdatedRows)
    if (before?.username === user.username.text) return
    await this.#db.deleteFrom('shared_username_looks').where('user_id', '=', user.id).execute()
    await this.#db.deleteFrom('username_looks').where('user_id', '=', user.id).execute()
    await this.#db.deleteFrom('username_endings').where('user_id', '=', user.id).execute()
    if (isDeleted(user)) await this.#forgetHeldFor(user.id)
    else await this.#addName(user)
  }

  async liftBans(now: Date, limit: number): Promise<readonly UserId[]> {
    const over = this.#db
      .selectFrom('users')
      .select('id')
      .where('disabled_until', '<=', now)
      .orderBy('disabled_until')
      .limit(limit)
      .forNoKeyUpdate()
      .skipLocked()
    const lifted = await this.#db
      .with('over', () => over)
      .updateTable('users')
      .from('over')
      .set({ disabled_at: null, disabled_reason: null, disabled_public_reason: null, disabled_until: null })
      .whereRef('users.id', '=', 'over.id')
      .returning('users.id')
      .execute()
    return lifted.map(({ id }) => id as UserId)
  }

  async holdName(username: Username, until: Date, heldFor: UserId | undefined): Promise<void> {
    const held = { free_at: until, user_id: heldFor ?? null }
    await this.#db
      .insertInto('released_names')
      .values(hashesOf(username).map((hash) => ({ hash, ...held })))
      .onConflict((conflict) => conflict.column('hash').doUpdateSet(held))
      .execute()
  }

  async #forgetHeldFor(id: UserId): Promise<void> {
    await this.#db.updateTable('released_names').set({ user_id: null }).where('user_id', '=', id).execute()
  }

  #existing() {
    return this.#db.selectFrom('users').selectAll().where('deleted_at', 'is', null)
  }

  /** Runs after the user's own row is written: a transaction that holds or releases the same key has committed by then. */
  async #addName({ id, username }: User): Promise<void> {
    const looks = looksOf(username).map((look) => ({ look, user_id: id }))
    await this.#db.insertInto('username_looks').values(looks).execute().catch(asTaken)
    const held = await this.#db
      .selectFrom('released_names')
      .select('hash')
      .where('hash', 'in', hashesOf(username))
      .where('user_id', 'is distinct from', id)
      .executeTakeFirst()
    if (held !== undefined) throw new ApplicationError('username_taken')
    await addEndings(this.#db, [id])
  }
}

/** The hashes of the key and the looks, which make a name taken, in the order in which everybody locks them. */
const hashesOf = (username: Username): Buffer[] =>
  [...new Set([username.key, ...looksOf(username)])]
    .map((text) => createHash('sha256').update(text).digest())
    .sort((one, other) => Buffer.compare(one, other))

const TAKEN = new Map<string, 'username_taken' | 'email_taken'>([
  ['users_username_key_unique', 'username_taken'],
  ['username_looks_unique', 'username_taken'],
  ['users_email_verified', 'email_taken'],
])

function asTaken(error: unknown): never {
  const code = TAKEN.get(serverError(error)?.constraint ?? '')
  throw code === undefined ? error : new ApplicationError(code)
}
