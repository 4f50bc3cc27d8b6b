// One bench in a process of its own, so that its garbage and its crash cannot disturb the next one.
import type { Outcome } from './bench.ts'
import { benches } from './benches.ts'
import { serveParent } from './child.ts'

const handlers = {
  run: (name: string): Promise<Outcome> => {
    const bench = benches[name]
    if (bench === undefined) throw new Error(`There is no bench ${name}.`)
    return bench.run((progress) => process.stderr.write(`  ${name}: ${progress}\n`))
  },
}

export type OneBench = typeof handlers

serveParent(handlers)
