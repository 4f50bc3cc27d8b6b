/** The same for every connection to one database of one running server, whatever name or address leads to it. */
export const DATABASE_IDENTITY = `
  select extract(epoch from pg_postmaster_start_time()) || ' ' || oid as identity
  from pg_database where datname = current_database()`
