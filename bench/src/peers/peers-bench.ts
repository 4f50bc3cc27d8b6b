import { startPrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import type { Bench, Outcome } from '../bench.ts'
import { Child } from '../child.ts'
import { startContenders } from './contenders.ts'
import { installPeers } from './install.ts'
import type { Load } from './load.ts'
import { report } from './report.ts'
import { takeTurns } from './rounds.ts'

async function run(note: (progress: string) => void): Promise<Outcome> {
  await installPeers(note)
  const cluster = await startPrivateCluster()
  const load = new Child<Load>(new URL('load.ts', import.meta.url))
  try {
    const contenders = await startContenders(cluster.url)
    try {
      return {
        ...report(await takeTurns(contenders, { load, databasePid: cluster.pid() }, note)),
        postgres: cluster.version,
      }
    } finally {
      await contenders.stop()
    }
  } finally {
    await load.stop()
    await cluster.stop()
  }
}

export const peersBench: Bench = {
  what: 'signing in, being known and signing out, next to better-auth on the same PostgreSQL',
  limitSeconds: 600,
  run,
}
