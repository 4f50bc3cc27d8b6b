// One bench in a process of its own, so that neither its garbage nor its end is another's trouble.
import type { Outcome } from './bench.ts'
import { benches } from './benches.ts'
import { answerParent } from './child.ts'

const answers = {
  run: (name: string): Promise<Outcome> => {
    const bench = benches[name]
    if (bench === undefined) throw new Error(`There is no bench ${name}.`)
    return bench.run((progress) => process.stderr.write(`  ${name}: ${progress}\n`))
  },
}

export type OneBench = typeof answers

answerParent(answers)
