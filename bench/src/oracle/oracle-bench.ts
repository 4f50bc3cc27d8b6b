import type { Bench } from '../bench.ts'
import { onPrivateDatabase } from '../private-database.ts'
import { report } from './report.ts'
import { measure } from './scenario.ts'

export const oracleBench: Bench = {
  what: 'whether a refused sign-in or a request for a new password shows that a user exists',
  limitSeconds: 900,
  run: (note) => onPrivateDatabase(async (url) => report(await measure(url, note))),
}
