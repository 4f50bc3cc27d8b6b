import { serveParent } from '../src/child.ts'

const handlers = {
  double: (value: number): Promise<number> => Promise.resolve(2 * value),
  fail: (): never => {
    throw new Error('as asked')
  },
  leave: (code: number): never => process.exit(code),
}

export type EchoProcess = typeof handlers

serveParent(handlers)
