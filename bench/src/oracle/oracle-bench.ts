import pg from 'pg'
import { startPrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import type { Bench, Outcome } from '../bench.ts'
import { report } from './report.ts'
import { measure } from './scenario.ts'

async function run(note: (progress: string) => void): Promise<Outcome> {
  const cluster = await startPrivateCluster()
  try {
    const client = new pg.Client(cluster.url)
    await client.connect()
    await client.query('create database auth')
    await client.end()
    const measured = await measure(new URL('auth', cluster.url).href, note)
    return { ...report(measured), postgres: cluster.version }
  } finally {
    await cluster.stop()
  }
}

export const oracleBench: Bench = {
  what: 'whether a refused sign-in shows that a user exists',
  limitSeconds: 900,
  run,
}
