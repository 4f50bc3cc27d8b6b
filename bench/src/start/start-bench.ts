import { startPrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import type { Bench, Outcome } from '../bench.ts'
import { report } from './report.ts'
import { measure } from './scenario.ts'

async function run(note: (progress: string) => void): Promise<Outcome> {
  const cluster = await startPrivateCluster()
  try {
    return { ...report(await measure(cluster.url, note)), postgres: cluster.version }
  } finally {
    await cluster.stop()
  }
}

export const startBench: Bench = {
  what: 'how soon the service is ready, and how much memory it takes',
  limitSeconds: 300,
  run,
}
