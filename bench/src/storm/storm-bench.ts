import type { Bench } from '../bench.ts'
import { onPrivateDatabase } from '../private-database.ts'
import { report } from './report.ts'
import { measure } from './scenario.ts'

export const stormBench: Bench = {
  what: 'what sign-ins that take all cores cost everybody else, and how many there are',
  limitSeconds: 300,
  run: (note) => onPrivateDatabase(async (url) => report(await measure(url, note))),
}
