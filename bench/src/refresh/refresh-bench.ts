import type { Bench } from '../bench.ts'
import { report } from './report.ts'
import { measure } from './scenario.ts'

export const refreshBench: Bench = {
  what: 'how many sessions are refreshed per second, next to pgbench with the same statement',
  limitSeconds: 420,
  run: async (note) => {
    const { measured, postgres } = await measure(note)
    return { ...report(measured), postgres }
  },
}
