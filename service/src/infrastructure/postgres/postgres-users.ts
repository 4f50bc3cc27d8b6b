import { createHash } from 'node:crypto'
import { CompiledQuery } from 'kysely'
import { ApplicationError } from '../../application/errors.ts'
import type {
  FoundUser,
  SignInCandidate,
  SignInName,
  Users,
  UserSearch,
  UsersInTransaction,
} from '../../application/ports/users.ts'
import type { PasswordHash } from '../../domain/password.ts'
import { looksOf } from '../../domain/skeleton.ts'
import { isDeleted, type NewUser, type User, type UserId } from '../../domain/user.ts'
import type { Username } from '../../domain/username.ts'
import type { Database } from './database.ts'
import { prepared } from './guarded-pool.ts'
import { fromUser, toUser } from './rows.ts'
import { userColumns, type UserRow } from './schema.ts'
import { serverError } from './unavailable.ts'
import { addEndings, searchUsers } from './user-search.ts'

/** One row whether the person exists or not, and the same look-ups. */
const FIND_FOR_SIGN_IN = prepared(
  'find_for_sign_in',
  `select ${userColumns.map((column) => `users.${column}`).join(', ')},
     exists (select from sessions where user_id = users.id and device_id = $3) as device_is_known,
     exists (select from sessions where user_id = users.id and address <<= $4::inet) as network_is_known,
     exists (select from users where password_hash not like '$argon2id$%') as foreign_hashes_in_use
   from (select) as always left join users on users.username_key = $1 or users.email_key = $2`,
)

type SignInRow = { [K in keyof UserRow]: K extends 'id' ? number | null : UserRow[K] } & {
  device_is_known: boolean
  network_is_known: boolean
  foreign_hashes_in_use: boolean
}

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
    const row = await this.#existing().where('email_key', '=', emailKey).executeTakeFirst()
    return row && toUser(row)
  }

  search(search: UserSearch): Promise<readonly FoundUser[]> {
    return searchUsers(this.#db, search)
  }

  async findForSignIn(
    { usernameKey, emailKey }: SignInName,
    { deviceId, network }: { deviceId: string | undefined; network: string },
  ): Promise<SignInCandidate> {
    const parameters = [usernameKey, emailKey, deviceId, network].map((value) => value ?? null)
    const { rows } = await this.#db.executeQuery(CompiledQuery.raw(FIND_FOR_SIGN_IN, parameters))
    const row = rows[0] as SignInRow
    const { id } = row
    return {
      user: id === null ? undefined : toUser({ ...row, id }),
      deviceIsKnown: row.device_is_known,
      networkIsKnown: row.network_is_known,
      foreignHashesInUse: row.foreign_hashes_in_use,
    }
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

  async add(user: NewUser): Promise<User> {
    const query = this.#db.insertInto('users').values(fromUser(user)).returningAll()
    const added = toUser(await query.executeTakeFirstOrThrow().catch(asTaken))
    await this.#addName(added)
    return added
  }

  async save(user: User): Promise<void> {
    const query = this.#db.selectFrom('users').select('username').where('id', '=', user.id)
    const before = await query.executeTakeFirst()
    await this.#db.updateTable('users').set(fromUser(user)).where('id', '=', user.id).execute().catch(asTaken)
    if (before?.username === user.username.text) return
    await this.#db.deleteFrom('username_looks').where('user_id', '=', user.id).execute()
    await this.#db.deleteFrom('username_endings').where('user_id', '=', user.id).execute()
    if (!isDeleted(user)) await this.#addName(user)
  }

  async holdName(username: Username, until: Date): Promise<void> {
    const rows = hashesOf(username).map((hash) => ({ hash, free_at: until }))
    await this.#db
      .insertInto('released_names')
      .values(rows)
      .onConflict((conflict) => conflict.column('hash').doUpdateSet({ free_at: until }))
      .execute()
  }

  #existing() {
    return this.#db.selectFrom('users').selectAll().where('deleted_at', 'is', null)
  }

  /** After the user's own row: whoever holds or releases the same key has committed by then. */
  async #addName({ id, username }: User): Promise<void> {
    const looks = looksOf(username).map((look) => ({ look, user_id: id }))
    await this.#db.insertInto('username_looks').values(looks).execute().catch(asTaken)
    const held = await this.#db
      .selectFrom('released_names')
      .select('hash')
      .where('hash', 'in', hashesOf(username))
      .executeTakeFirst()
    if (held !== undefined) throw new ApplicationError('username_taken')
    await addEndings(this.#db, [id])
  }
}

/** Of the key and the looks: what makes a name taken. */
const hashesOf = (username: Username): Buffer[] =>
  [...new Set([username.key, ...looksOf(username)])].map((text) => createHash('sha256').update(text).digest())

const TAKEN = new Map<string, 'username_taken' | 'email_taken'>([
  ['users_username_key_unique', 'username_taken'],
  ['username_looks_unique', 'username_taken'],
  ['users_email_key_unique', 'email_taken'],
])

function asTaken(error: unknown): never {
  const code = TAKEN.get(serverError(error)?.constraint ?? '')
  throw code === undefined ? error : new ApplicationError(code)
}
