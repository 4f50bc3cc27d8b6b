import { afterAll, beforeAll, beforeEach, describe } from 'vitest'

/** A contract suite empties the implementation before each test, and closes it at the end. */
interface Opened {
  clear(): Promise<void>
  close(): Promise<void>
}

/** Runs the suite on one implementation. */
export type Contract<T extends Opened> = (implementation: string, open: () => Promise<T>) => void

/**
 * The tests that every implementation of a port passes. They are written once and run on each implementation. `opened` is the
 * opened implementation: use it in tests and hooks only.
 */
export const describeContract =
  <T extends Opened>(port: string, tests: (opened: T) => void): Contract<T> =>
  (implementation, open) => {
    describe(`${port} on ${implementation}`, () => {
      let opened: T

      beforeAll(async () => {
        opened = await open()
      })
      beforeEach(() => opened.clear())
      afterAll(() => opened.close())

      tests(standIn(() => opened))
    })
  }

/** Tests are declared before anything is opened, so they get an object that reads every property when it is used. */
const standIn = <T extends object>(current: () => T): T =>
  new Proxy({} as T, { get: (_, property) => Reflect.get(current(), property) as unknown })
