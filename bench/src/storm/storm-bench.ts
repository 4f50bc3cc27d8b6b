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
    const rounds = await measure(new URL('auth', cluster.url).href, note)
    return { ...report(rounds), postgres: cluster.version }
  } finally {
    await cluster.stop()
  }
}

export const stormBench: Bench = {
  what: 'what sign-ins that take all cores cost everybody else, and how many there are',
  limitSeconds: 300,
  run,
}
