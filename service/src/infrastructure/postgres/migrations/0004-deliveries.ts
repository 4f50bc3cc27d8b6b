import { sql, type Kysely } from 'kysely'

/** Which event is delivered to which consumer. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // An event stays until its last delivery is done. Without a consumer it is removed when it is dispatched.
  `alter table outbox add column is_dispatched boolean not null default false`,
  `create index outbox_not_dispatched on outbox (id) where not is_dispatched`,
  `create index outbox_user_id on outbox (user_id)`,

  `create table deliveries (
    id bigint generated always as identity primary key,
    consumer text not null,
    user_id bigint not null,
    outbox_id bigint not null references outbox,
    created_at timestamptz not null,
    attempts integer not null default 0,
    last_error text,
    dead_at timestamptz,
    constraint deliveries_once_per_consumer unique (outbox_id, consumer)
  )`,
  `create index deliveries_waiting on deliveries (consumer, user_id, outbox_id) where dead_at is null`,
  `create index deliveries_dead_at on deliveries (dead_at) where dead_at is not null`,

  // One row for each consumer and user with a waiting delivery: the lock that keeps the order, and the time of the next attempt.
  `create table delivery_queues (
    consumer text not null,
    user_id bigint not null,
    due_at timestamptz not null,
    claim uuid,
    primary key (consumer, user_id)
  )`,
  `create index delivery_queues_due_at on delivery_queues (consumer, due_at)`,
  `comment on column delivery_queues.claim is
    'Who is delivering its first event; theirs until due_at, then anybody may'`,
]
