import { abuseBench } from './abuse/abuse-bench.ts'
import type { Bench } from './bench.ts'
import { feedBench } from './feed/feed-bench.ts'
import { growthBench } from './growth/growth-bench.ts'
import { oracleBench } from './oracle/oracle-bench.ts'
import { peersBench } from './peers/peers-bench.ts'
import { refreshBench } from './refresh/refresh-bench.ts'
import { startBench } from './start/start-bench.ts'
import { stormBench } from './storm/storm-bench.ts'
import { verifyBench } from './verify/verify-bench.ts'

/** Every bench, in the order of a whole run. */
export const benches: Readonly<Record<string, Bench>> = {
  verify: verifyBench,
  feed: feedBench,
  refresh: refreshBench,
  growth: growthBench,
  peers: peersBench,
  storm: stormBench,
  abuse: abuseBench,
  oracle: oracleBench,
  start: startBench,
}
