import { expect, test } from 'vitest'
import { readOptions } from '../../../src/infrastructure/process/options.ts'

test('new signing keys are made only if the option is given', () => {
  expect(readOptions([])).toEqual({ newSigningKeys: false })
  expect(readOptions(['--new-signing-keys'])).toEqual({ newSigningKeys: true })
})

test.each(['--new-signing-key', '--constructor', '--toString', '-n', 'now'])(
  'the argument %s stops the start',
  (argument) => {
    expect(() => readOptions([argument])).toThrow(`the only option is --new-signing-keys, not "${argument}"`)
  },
)
