import { sql, type Kysely } from 'kysely'

/** Tells a revocation log from another one that continues it differently (decision 30). */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table revocation_log add column log text not null
    default left(replace(gen_random_uuid()::text, '-', ''), 12)`,
  // The server's timeline: it changes when a standby is promoted or a backup is recovered. Some hosted servers do not show it.
  // A standby lags behind, so nobody may take its log for the present one.
  `create function revocation_log_timeline() returns text language plpgsql as $$
    begin
      if pg_is_in_recovery() then
        raise exception 'the server is a standby' using errcode = 'read_only_sql_transaction';
      end if;
      begin
        return ltrim(left(pg_walfile_name(pg_current_wal_lsn()), 8), '0');
      exception when others then
        return '';
      end;
    end
  $$`,
]
