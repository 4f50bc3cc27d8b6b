// docs/cli.md shows what the commands print, and names all of them.
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { exitCodes } from '../../../src/interface-adapters/cli/exit-codes.ts'
import { createProgram } from '../../../src/interface-adapters/cli/program.ts'
import * as answers from './answers.ts'
import { runProgram } from './run-program.ts'

const page = readFileSync(new URL('../../../../docs/cli.md', import.meta.url), 'utf8')

const service = {
  'GET /v1/users': answers.people,
  // One session was ended meanwhile.
  'GET /v1/users/17': { ...answers.ann, live_sessions: 1 },
  'GET /v1/users/23': answers.bob,
  'GET /v1/users/17/sessions': answers.sessions,
  'GET /v1/keys': answers.keys,
  'POST /v1/keys/rotate': answers.rotatedKeys,
  'GET /v1/outbox': answers.deadDeliveries,
  'POST /v1/outbox/replay': answers.replays,
  'GET /v1/doctor': answers.health,
}

/** Each command in a block of the page, with what stands below it. */
const examples = [...page.matchAll(/^```console\n([^]*?)^```$/gm)]
  .flatMap(([, block = '']) => block.split(/^\$ npx chat-auth /m).slice(1))
  .map((example) => {
    const [line = '', ...output] = example.split('\n')
    return [line, output.join('\n').trimEnd()] as const
  })

const splitWords = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')

test.each(examples)('%s prints what docs/cli.md shows', async (line, shown) => {
  const { code, out } = await runProgram(splitWords(line), service)
  expect(out.trimEnd()).toBe(shown)
  expect(code).toBe(0)
})

const none = () => undefined
const program = createProgram({ version: '', run: () => Promise.resolve(), out: none, err: none })

const namesOf = (command: Command, before = ''): string[] =>
  command.commands.flatMap((each) => {
    const name = `${before}${each.name()}`
    return each.commands.length === 0 ? [name] : namesOf(each, `${name} `)
  })

describe('docs/cli.md', () => {
  test.each(namesOf(program))('shows %s', (name) => {
    expect(examples.filter(([line]) => line.startsWith(name))).not.toEqual([])
  })

  test('and --help list every exit code', async () => {
    const listed = [...page.matchAll(/^\| `(\d)` \|/gm)].map(([, code]) => Number(code))
    expect(listed).toEqual(Object.values(exitCodes))
    const { out } = await runProgram(['--help'])
    const [, sentence = ''] = /Exit codes: ([^\n]*)/.exec(out) ?? []
    expect([...sentence.matchAll(/\b(\d) /g)].map(([, code]) => Number(code))).toEqual(listed)
  })
})
