import { answerParent } from '../src/child.ts'

const answers = {
  double: (value: number): Promise<number> => Promise.resolve(2 * value),
  fail: (): never => {
    throw new Error('as asked')
  },
  leave: (code: number): never => process.exit(code),
}

export type Answering = typeof answers

answerParent(answers)
