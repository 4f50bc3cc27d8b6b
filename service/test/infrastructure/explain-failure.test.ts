import { describe, expect, test } from 'vitest'
import { DataFolderError } from '../../src/infrastructure/embedded/data-folder.ts'
import { explainFailure } from '../../src/infrastructure/explain-failure.ts'
import { unavailable } from '../../src/infrastructure/postgres/unavailable.ts'
import { SettingsError } from '../../src/infrastructure/settings-reader.ts'

const serverError = Object.assign(new Error('password authentication failed for user "chat_auth"'), {
  severity: 'FATAL',
  code: '28P01',
})

describe('a start that failed is explained', () => {
  test.each<[string, unknown, string]>([
    [
      'in the server’s own words',
      unavailable(serverError),
      'The database refused: password authentication failed for user "chat_auth". Check DATABASE_URL.',
    ],
    [
      'in the server’s own words, when it refused a statement',
      serverError,
      'The database refused: password authentication failed for user "chat_auth". Check DATABASE_URL.',
    ],
    [
      'in the network’s words',
      unavailable(new Error('connect ECONNREFUSED 127.0.0.1:5432')),
      'The database cannot be reached: connect ECONNREFUSED 127.0.0.1:5432. Start it, or check DATABASE_URL.',
    ],
    [
      'by the port that is in use',
      Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', port: 8000 }),
      'Port 8000 is in use. Stop what uses it, or set PORT and INTERNAL_PORT.',
    ],
    [
      'by what to do about the folder',
      new DataFolderError('The data folder is full.'),
      'The data folder is full.',
    ],
    [
      'by settings, a line each',
      new SettingsError(['A is wrong']),
      'The settings need attention:\n  A is wrong',
    ],
    ['by whatever was thrown, at the least', 'a string', 'a string'],
  ])('%s', (_, error, explanation) => {
    expect(explainFailure(error)).toBe(explanation)
  })

  test('with all there is to know when it is a mistake of ours', () => {
    expect(explainFailure(new TypeError('x is not a function'))).toMatch(
      /^TypeError: x is not a function\n +at /,
    )
  })
})
