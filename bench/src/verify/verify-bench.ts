import type { Bench } from '../bench.ts'
import { report } from './report.ts'
import { measure } from './scenario.ts'

export const verifyBench: Bench = {
  what: 'what verifying an access token costs, next to a bare signature check and jose',
  limitSeconds: 300,
  run: async (note) => report(await measure(note)),
}
