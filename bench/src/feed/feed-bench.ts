import type { Bench } from '../bench.ts'
import { inDatabase, onPrivateDatabase } from '../private-database.ts'
import { report } from './report.ts'
import { measure, type Arrangement, type Measured } from './scenario.ts'

const ENDS = 30
const PAUSE_MS = 200
/** Its snapshot does not fit into what the system holds for a connection. */
const LOG_FOR_STUCK = 65_000

const arrangements: readonly Arrangement[] = [
  { name: '100 verifiers', full: 100, light: 0, ends: ENDS, pauseMs: PAUSE_MS },
  { name: '1,000 verifiers', full: 1_000, light: 0, ends: ENDS, pauseMs: PAUSE_MS },
  {
    name: '1,000 elsewhere',
    full: 1_000,
    light: 0,
    ends: ENDS,
    pauseMs: PAUSE_MS,
    isElsewhere: true,
  },
  { name: '5,000 readers', full: 1_000, light: 4_000, ends: ENDS, pauseMs: PAUSE_MS },
  {
    // Spread over the time that the stuck one is put up with.
    name: '5,000, one stuck',
    full: 20,
    light: 4_980,
    ends: ENDS,
    pauseMs: 1_500,
    hasStuckReader: true,
  },
]

/** Revocations of sessions that never were: it is their number that counts. */
const fillLog = (url: string, count: number): Promise<void> =>
  inDatabase(
    url,
    `insert into revocations (session_id, user_id, reason, expires_at)
      select gen_random_uuid(), 1, 'signed_out', now() + interval '1 hour' from generate_series(1, ${count})`,
  )

async function measureEach(url: string, note: (progress: string) => void): Promise<Measured[]> {
  const measured: Measured[] = []
  for (const arrangement of arrangements) {
    note(arrangement.name)
    if (arrangement.hasStuckReader === true) await fillLog(url, LOG_FOR_STUCK)
    measured.push(await measure(arrangement, url))
  }
  return measured
}

export const feedBench: Bench = {
  what: 'how soon an ended session is refused everywhere, by 100 to 5,000 readers of the feed',
  limitSeconds: 420,
  run: (note) => onPrivateDatabase(async (url) => report(await measureEach(url, note))),
}
