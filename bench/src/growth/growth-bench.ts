import type { Bench, Outcome } from '../bench.ts'
import { report } from './report.ts'
import { measure } from './scenario.ts'

async function run(note: (progress: string) => void): Promise<Outcome> {
  const { sizes, pages, postgres } = await measure(note)
  const ofSizes = report(sizes)
  return {
    findings: [...ofSizes.findings, ...pages.findings],
    figures: { sizes: ofSizes.figures, pages: pages.figures },
    plots: [...ofSizes.plots, ...pages.plots],
    postgres,
  }
}

export const growthBench: Bench = {
  what: 'what refreshing, signing in, listing and searching cost with 10 thousand, 1 and 10 million sessions',
  limitSeconds: 900,
  run,
}
