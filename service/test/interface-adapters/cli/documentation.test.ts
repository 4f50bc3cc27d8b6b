// docs/cli.md names every command and shows its output.
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { exitCodes } from '../../../src/interface-adapters/cli/exit-codes.ts'
import { createProgram } from '../../../src/interface-adapters/cli/program.ts'
import * as responses from './responses.ts'
import { runProgram } from './run-program.ts'

const page = readFileSync(new URL('../../../../docs/cli.md', import.meta.url), 'utf8')

const service = {
  'GET /v1/users': responses.users,
  // One session has ended in between.
  'GET /v1/users/17': { ...responses.ann, live_sessions: 1 },
  'GET /v1/users/23': responses.bob,
  'GET /v1/users/17/sessions': responses.sessions,
  'GET /v1/sessions/count': responses.allSessions,
  'DELETE /v1/sessions': responses.endedSessions,
  'GET /v1/invitations': responses.invitations,
  'POST /v1/invitations': responses.newInvitation,
  'GET /v1/keys': responses.keys,
  'POST /v1/keys/rotate': responses.rotatedKeys,
  'GET /v1/outbox': responses.deadDeliveries,
  'POST /v1/outbox/replay': responses.replays,
  'POST /v1/outbox/tell-messaging': responses.announcements,
  'GET /v1/audit': responses.auditEntries,
  'GET /v1/doctor': responses.health,
}

/** Each command in a console block of the page, with the output below it. */
const examples = [...page.matchAll(/^```console\n([^]*?)^```$/gm)]
  .flatMap(([, block = '']) => block.split(/^\$ npx chat-auth /m).slice(1))
  .map((example) => {
    const [line = '', ...output] = example.split('\n')
    return [line, output.join('\n').trimEnd()] as const
  })

/** Without the redirection of a shell. */
const splitWords = (line: string): string[] =>
  [...line.replace(/ <\S+$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  )

test.each(examples)('chat-auth %s prints the output shown in docs/cli.md', async (line, shown) => {
  const { code, out } = await runProgram(splitWords(line), service)
  expect(out.trimEnd()).toBe(shown)
  expect(code).toBe(0)
})

const none = () => undefined
const program = createProgram({
  version: '',
  run: () => Promise.resolve(),
  restore: () => Promise.resolve(),
  out: none,
  err: none,
})

const namesOf = (command: Command, before = ''): string[] =>
  command.commands.flatMap((each) => {
    const name = `${before}${each.name()}`
    return each.commands.length === 0 ? [name] : namesOf(each, `${name} `)
  })

describe('docs/cli.md', () => {
  test.each(namesOf(program))('docs/cli.md shows the command %s', (name) => {
    expect(examples.filter(([line]) => line.startsWith(name))).not.toEqual([])
  })

  test('docs/cli.md and --help list every exit code', async () => {
    const listed = [...page.matchAll(/^\| `(\d)` +\|/gm)].map(([, code]) => Number(code))
    expect(listed).toEqual(Object.values(exitCodes))
    const { out } = await runProgram(['--help'])
    const [, sentence = ''] = /Exit codes: ([^\n]*)/.exec(out) ?? []
    expect([...sentence.matchAll(/\b(\d) /g)].map(([, code]) => Number(code))).toEqual(listed)
  })
})
