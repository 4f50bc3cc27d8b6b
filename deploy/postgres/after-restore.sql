-- To be run once on a database that was restored from a backup, before the first instance starts on it (docs/operations.md):
--
--   psql "$DATABASE_URL" --single-transaction --file=deploy/postgres/after-restore.sql

-- Verifiers have seen later numbers than the backup knows. What ended before the backup is numbered anew behind all of them.
update revocations set seq = null;
update revocation_log set last_seq = last_seq + 1000000;

-- People who signed up after the backup are gone, but other services know their ids: nobody else may be given one.
select setval(pg_get_serial_sequence('users', 'id'), nextval(pg_get_serial_sequence('users', 'id')) + 1000000);
