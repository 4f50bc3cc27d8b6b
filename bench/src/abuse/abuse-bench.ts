import type { Bench } from '../bench.ts'
import { onPrivateDatabase } from '../private-database.ts'
import { report } from './report.ts'
import { measure } from './scenario.ts'

export const abuseBench: Bench = {
  what: 'what others notice of each kind of abuse',
  limitSeconds: 900,
  run: (note) => onPrivateDatabase(async (url) => report(await measure(url, note))),
}
