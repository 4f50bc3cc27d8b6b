import { sql, type Kysely } from 'kysely'

/** Pictures, search by name, deletion, and roles that change. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // The name of the picture, made from its content. Null for users without a picture.
  `alter table users add column avatar text`,
  // The row of a deleted user stays, emptied, so that the id is never used again and ended sessions keep their reason.
  `alter table users add column deleted_at timestamptz`,

  // Every ending of every name: a search inside names is a search for the start of an ending.
  `create table username_endings (
    user_id bigint not null references users,
    repeated smallint not null,
    ending text collate "C" not null,
    primary key (repeated, ending, user_id)
  )`,
  `comment on column username_endings.repeated is
    'So many of its first characters stand earlier in the name, too; -1 for the whole name'`,
  `create index username_endings_user_id on username_endings (user_id)`,
  `insert into username_endings (user_id, ending, repeated)
    select id, substr(username_key, at), case when at = 1 then -1 else
      (select count(*) from generate_series(1, length(username_key) - at + 1) as count
        where strpos(username_key, substr(username_key, at, count)) < at) end
    from users, generate_series(1, length(username_key)) as at`,

  // Names of deleted users, as hashes, until other users may take them.
  `create table released_names (
    hash bytea primary key,
    free_at timestamptz not null
  )`,
  `create index released_names_free_at on released_names (free_at)`,

  // In the same row as the generation, so that a refresh reads the roles of the same moment.
  `alter table sessions add column roles text[] not null default '{}'`,
  `update sessions set roles = users.roles from users
    where users.id = sessions.user_id and sessions.ended_at is null and users.roles <> '{}'`,

  // A session ends once, but its tokens may be outdated several times.
  `alter table revocations drop constraint revocations_pkey`,
  `alter table revocations add column id bigint generated always as identity primary key`,
  `alter table revocations add column up_to_generation integer`,
  `create unique index revocations_of_ends on revocations (session_id) where up_to_generation is null`,
  `drop index revocations_not_numbered`,
  `create index revocations_not_numbered on revocations (id) where seq is null`,
  `comment on column revocations.up_to_generation is
    'The last generation whose tokens are refused; null when the session is over'`,
]
