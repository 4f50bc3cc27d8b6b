import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { askAt } from '../../../src/infrastructure/cli/ask.ts'

const question = () => Promise.resolve('End 2 sessions?')

function terminal(typed: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true })
  const output = new PassThrough()
  input.end(typed)
  return { input, output }
}

test.each(['y\n', 'Y\n', 'yes\n', ' YES \n'])('%j is a yes', async (typed) => {
  expect(await askAt(terminal(typed))(question)).toBe(true)
})

test.each(['\n', 'n\n', 'no\n', 'yeah\n', 'yesterday\n', ''])('%j is a no', async (typed) => {
  expect(await askAt(terminal(typed))(question)).toBe(false)
})

test('the question is shown, and what yes would be', async () => {
  const { input, output } = terminal('y\n')
  await askAt({ input, output })(question)
  output.end()
  expect(await text(output)).toContain('End 2 sessions? [y/N] ')
})

test('where nobody sits nothing is asked', async () => {
  const nobody = { input: new PassThrough(), output: new PassThrough() }
  expect(await askAt(nobody)(() => expect.fail('it asked'))).toBe(true)
})
