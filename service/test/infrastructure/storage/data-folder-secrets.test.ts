import fs, {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { secretIn } from '../../../src/infrastructure/storage/data-folder-secrets.ts'
import { DataFolderError } from '../../../src/infrastructure/embedded/data-folder.ts'

const names = ['auth-secret', 'service-key', 'verifier-key'] as const

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const refusal = (name: (typeof names)[number]): string => {
  try {
    secretIn(folder, name)
  } catch (error) {
    expect(error).toBeInstanceOf(DataFolderError)
    return (error as DataFolderError).message
  }
  throw new Error('the secret was taken')
}

describe.each(names)('%s in the data folder', (name) => {
  test('a secret in the data folder is made once, only for its owner, and fits into a header', () => {
    const made = secretIn(folder, name)
    expect(made).toEqual({
      value: expect.stringMatching(/^[\w-]{43}$/) as string,
      path: join(folder, name),
    })
    expect(statSync(made.path).mode & 0o777).toBe(0o600)
    expect(secretIn(folder, name)).toEqual(made)
  })

  test('a secret in the data folder may be the operator’s own, with a line break at its end', () => {
    const own = 'one-that-the-operator-wrote-into-the-file'
    writeFileSync(join(folder, name), `${own}\n`)
    expect(secretIn(folder, name).value).toBe(own)
  })

  test.each([
    ['empty', ''],
    ['blank', ' \n\n'],
    ['cut short', 'kR3-_zPq81'],
    ['full of zero bytes, as after a crash of the machine', '\0'.repeat(43)],
    ['of hardly any variety', 'changeme'.repeat(8)],
  ])(
    'a secret that is %s is refused with advice, and the file is kept',
    { tags: ['OPS-3'] },
    (_, content) => {
      writeFileSync(join(folder, name), content)
      const message = refusal(name)
      expect(message).toMatch(
        /^The secret in .* is damaged: it needs at least (32|10 different) characters\. Restore the file from a backup\. Without a backup, delete it: the next start makes a new one, /,
      )
      expect(message).toContain(join(folder, name))
      expect(message).not.toContain('\n')
      if (content.trim() !== '') expect(message).not.toContain(content.trim())
      expect(readFileSync(join(folder, name), 'utf8')).toBe(content)
    },
  )

  test('an unfinished secret file is overwritten, and only its owner may read it', () => {
    const unfinished = join(folder, `${name}.new`)
    writeFileSync(unfinished, 'half')
    chmodSync(unfinished, 0o644)
    const { value, path } = secretIn(folder, name)
    expect(value).toHaveLength(43)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(existsSync(unfinished)).toBe(false)
  })

  test('a secret that is not a file is refused with the reason', () => {
    fs.mkdirSync(join(folder, name))
    expect(refusal(name)).toMatch(/^The secret in .* cannot be read or made: EISDIR/)
  })
})

test('a secret is on the disk under its name before it is used', { tags: ['OPS-3'] }, () => {
  const steps: string[] = []
  const { fsyncSync, renameSync } = fs
  fs.fsyncSync = (handle) => {
    fsyncSync(handle)
    steps.push(fs.fstatSync(handle).isDirectory() ? 'flush the folder' : 'flush the file')
  }
  fs.renameSync = (from, to) => {
    steps.push('rename')
    renameSync(from, to)
  }
  syncBuiltinESMExports()
  try {
    secretIn(folder, 'auth-secret')
  } finally {
    Object.assign(fs, { fsyncSync, renameSync })
    syncBuiltinESMExports()
  }
  expect(steps).toEqual(['flush the file', 'rename', 'flush the folder'])
})
