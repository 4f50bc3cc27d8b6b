import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { confirmAt } from '../../../src/infrastructure/cli/ask.ts'

const question = () => Promise.resolve('End 2 sessions?')

function terminal(typed: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true })
  const output = new PassThrough()
  input.end(typed)
  return { input, output }
}

test.each(['y\n', 'Y\n', 'yes\n', ' YES \n'])('the input %j confirms the question', async (typed) => {
  expect(await confirmAt(terminal(typed))(question)).toBe(true)
})

test.each(['\n', 'n\n', 'no\n', 'yeah\n', 'yesterday\n', ''])(
  'the input %j does not confirm the question',
  async (typed) => {
    expect(await confirmAt(terminal(typed))(question)).toBe(false)
  },
)

test('the question is shown with the possible inputs', async () => {
  const { input, output } = terminal('y\n')
  await confirmAt({ input, output })(question)
  output.end()
  expect(await text(output)).toContain('End 2 sessions? [y/N] ')
})

test('without a terminal no question is asked, and the command stops', async () => {
  const nobody = { input: new PassThrough(), output: new PassThrough() }
  await expect(confirmAt(nobody)(() => expect.fail('it asked'))).rejects.toMatchObject({
    message: 'There is no terminal to confirm this at, so nothing was changed. Add --yes if you are sure.',
    exitCode: 2,
  })
})
