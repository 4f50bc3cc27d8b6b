import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readEnvFile } from '../../../src/infrastructure/settings/env-file.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-auth-env-'))
  path = join(folder, '.env')
})
afterEach(() => rmSync(folder, { recursive: true }))

const read = (content: string | Buffer) => {
  writeFileSync(path, content)
  return readEnvFile(path)
}

describe('a .env that cannot be read stops the start', { tags: ['OPS-18'] }, () => {
  const utf16 = Buffer.from('\ufeffPORT=8001\n', 'utf16le')

  test.each<[string, () => void, string]>([
    ['a folder', () => mkdirSync(path), 'is not a file, as a folder is; replace it by a file, or remove it'],
    [
      'a device',
      () => symlinkSync('/dev/null', path),
      'is not a file, as a folder is; replace it by a file, or remove it',
    ],
    [
      'a link to nothing',
      () => symlinkSync(join(folder, 'gone'), path),
      'is a link to a file that does not exist; restore that file, or remove the link',
    ],
    [
      'a link to itself',
      () => symlinkSync(path, path),
      'exists but cannot be read (ELOOP); allow the user of the service to read it',
    ],
    ['UTF-16', () => writeFileSync(path, utf16), 'has zero bytes, as in UTF-16; save it as UTF-8'],
    [
      'UTF-16 in the other order',
      () => writeFileSync(path, Buffer.from(utf16).swap16()),
      'has zero bytes, as in UTF-16; save it as UTF-8',
    ],
    [
      'zero bytes',
      () => writeFileSync(path, 'PORT=80\0\0'),
      'has zero bytes, as in UTF-16; save it as UTF-8',
    ],
    [
      'Latin-1',
      () => writeFileSync(path, Buffer.from('TOKEN_ISSUER=caf\u00e9\n', 'latin1')),
      'is not UTF-8 text; save it as UTF-8',
    ],
    [
      'of an old Mac',
      () => writeFileSync(path, 'A=1\rB=2\r'),
      'ends lines with a carriage return alone; save it with line feeds',
    ],
  ])('a .env that is %s stops the start', (_, make, problem) => {
    make()
    expect(readEnvFile(path)).toEqual({ values: {}, problems: [`${path} ${problem}`], warnings: [] })
  })

  test.each<[string, string, string]>([
    ['a double quote', 'A="hush\nB=2\n', 'line 1: A has a quote that does not end, or text behind its value'],
    [
      'a quote that ends in a later line',
      'A="hush\nB="2"\n',
      'line 1: A has a quote that does not end, or text behind its value',
    ],
    ['a single quote', "B=2\nA='hush", 'line 2: A has a quote that does not end, or text behind its value'],
    [
      'text behind a quoted value',
      'A="hu"sh',
      'line 1: A has a quote that does not end, or text behind its value',
    ],
    ['a line without =', 'A=1\nhush\n', 'line 2: must be NAME=value, or begin with #'],
    ['a line of YAML', 'AUTH_SECRET: hush\n', 'line 1: must be NAME=value, or begin with #'],
    ['a line without a name', '=hush\n', 'line 1: must be NAME=value, or begin with #'],
    ['# inside a value', 'A=postgres://u:hu#sh@db/x', 'line 1: A has # in its value; write it in quotes'],
  ])('a .env with %s stops the start and shows no value', (_, content, problem) => {
    const { problems } = read(content)
    expect(problems).toEqual([`${path}, ${problem}`])
    expect(problems.join()).not.toContain('hu')
  })
})

describe('a .env that is fine', () => {
  test('a missing .env has no settings', () => {
    expect(readEnvFile(path)).toEqual({ values: {}, problems: [], warnings: [] })
  })

  test('a byte order mark before the first name is skipped', () => {
    expect(read('\ufeffPORT=8001\n').values).toEqual({ PORT: '8001' })
  })

  test('comments, quotes, blanks, export and Windows line ends are understood', () => {
    const content =
      '# one\r\n\r\nexport A=1\r\n B = two words  # why\r\nC="x#y" # z\r\nD=\'"q"\'\r\nE=\r\nF=  \r\nG=`b`\r\nH=a=b=='
    expect(read(content)).toEqual({
      values: { A: '1', B: 'two words', C: 'x#y', D: '"q"', E: '', F: '', G: 'b', H: 'a=b==' },
      problems: [],
      warnings: [],
    })
  })

  test('a name that is set twice is reported, and its last line counts', () => {
    expect(read('A=hush\nB=2\nA=3\n')).toEqual({
      values: { A: '3', B: '2' },
      problems: [],
      warnings: [`${path}, line 3: A is set again; only this line counts`],
    })
  })
})

test('a name that every object has may be set once without a warning', () => {
  expect(read('constructor=1\n')).toMatchObject({ problems: [], warnings: [] })
})
