import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { commonErrors, type ErrorCode } from '../../src/application/errors.ts'
import { createUseCases, type UseCaseDeps } from '../../src/application/use-cases.ts'
import { thrownCodes } from './thrown-codes.ts'

const application = new URL('../../src/application/', import.meta.url)

/** Every list of error codes that a file of the application exports, by the name of its use case. */
async function exportedLists(): Promise<ReadonlyMap<string, readonly ErrorCode[]>> {
  const files = readdirSync(application, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  const modules = await Promise.all(
    files.map(async (file) => (await import(new URL(file, application).href)) as Record<string, unknown>),
  )
  const exported = modules.flatMap((module) => Object.entries(module))
  const lists = exported.filter(([name]) => name.endsWith('Errors') && name !== 'commonErrors')
  return new Map(lists.map(([name, list]) => [name.slice(0, -'Errors'.length), list as readonly ErrorCode[]]))
}

/** Codes of a port that only this use case can get: saving a user is refused for a changed name alone. */
const addedByHand = new Map([['updateUser', ['username_taken']]])

test(
  'the list of error codes of a use case holds exactly the codes it can throw',
  { timeout: 60_000 },
  async () => {
    const lists = await exportedLists()
    const thrown = thrownCodes()
    const useCases = new Set([...Object.keys(createUseCases({} as UseCaseDeps)), ...lists.keys()])
    const common: readonly string[] = commonErrors
    const listed = Array.from(useCases, (name) => [name, [...(lists.get(name) ?? [])].sort()])
    const expected = Array.from(useCases, (name) => {
      const codes = [...(thrown.get(name) ?? ['no such function']), ...(addedByHand.get(name) ?? [])]
      return [name, codes.filter((code) => !common.includes(code)).sort()]
    })
    expect(listed).toEqual(expected)
    expect(useCases.size).toBeGreaterThan(30)
  },
)
