import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { startPrivateCluster } from '../../scripts/postgres/private-cluster.ts'
import type { Outcome } from './bench.ts'

/** Measures on an empty database of a private server, which is removed afterwards. */
export async function onPrivateDatabase(measure: (url: string) => Promise<Outcome>): Promise<Outcome> {
  const cluster = await startPrivateCluster()
  try {
    await inDatabase(cluster.url, 'create database auth')
    const outcome = await measure(new URL('auth', cluster.url).href)
    return { ...outcome, postgres: cluster.version }
  } finally {
    await cluster.stop()
  }
}

export async function inDatabase(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

const randomSecret = (): string => randomBytes(32).toString('base64url')

/** Settings of a service on this database, with new secrets. */
export const settingsOn = (databaseUrl: string) => ({
  DATABASE_URL: databaseUrl,
  LOG_LEVEL: 'error',
  AUTH_SECRET: randomSecret(),
  SERVICE_KEYS: `bench:verify:${randomSecret()}`,
})
