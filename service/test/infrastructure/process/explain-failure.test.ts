import { describe, expect, test } from 'vitest'
import { DataFolderError } from '../../../src/infrastructure/embedded/data-folder.ts'
import { explainFailure } from '../../../src/infrastructure/process/explain-failure.ts'
import { unavailable } from '../../../src/infrastructure/postgres/unavailable.ts'
import { SettingsError } from '../../../src/infrastructure/settings/settings-reader.ts'

const serverError = Object.assign(new Error('password authentication failed for user "chat_auth"'), {
  severity: 'FATAL',
  code: '28P01',
})

describe('the explanation of a failed start', () => {
  test.each<[string, unknown, string]>([
    [
      'the message of the database server',
      unavailable(serverError),
      'The database refused: password authentication failed for user "chat_auth". Correct the user and the password in DATABASE_URL.',
    ],
    [
      'a statement that the database server refused',
      serverError,
      'The database refused: password authentication failed for user "chat_auth". Correct the user and the password in DATABASE_URL.',
    ],
    [
      'a database server that is down',
      unavailable(new Error('connect ECONNREFUSED 127.0.0.1:5432')),
      'The database cannot be reached: connect ECONNREFUSED 127.0.0.1:5432. Start it, or check DATABASE_URL.',
    ],
    [
      'a full disk',
      Object.assign(new Error('could not extend file'), { severity: 'ERROR', code: '53100' }),
      'The disk of the database is full: could not extend file. Free some space, and start again.',
    ],
    [
      'another refusal of the server',
      Object.assign(new Error('too many connections'), { severity: 'FATAL', code: '53300' }),
      'The database refused: too many connections. Check DATABASE_URL.',
    ],
    [
      'a port that is in use',
      Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', port: 8000 }),
      'Port 8000 is in use. Stop what uses it, or set PORT and INTERNAL_PORT.',
    ],
    [
      'a port that this user may not use',
      Object.assign(new Error('listen EACCES'), { code: 'EACCES', syscall: 'listen', port: 80 }),
      'Port 80 is not allowed for this user. Set PORT and INTERNAL_PORT to 1024 or more, with a proxy in front.',
    ],
    [
      'a host that does not exist',
      Object.assign(new Error('getaddrinfo'), {
        code: 'ENOTFOUND',
        syscall: 'getaddrinfo',
        hostname: 'nowhere',
      }),
      '"nowhere" is not an address of this machine. Correct HOST or INTERNAL_HOST.',
    ],
    [
      'an address of another machine',
      Object.assign(new Error('listen'), { code: 'EADDRNOTAVAIL', syscall: 'listen', address: '192.0.2.1' }),
      '"192.0.2.1" is not an address of this machine. Correct HOST or INTERNAL_HOST.',
    ],
    [
      'a database with a certificate that is not trusted',
      unavailable(
        Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      ),
      'The certificate of the database is not trusted: self-signed certificate. Add sslmode=verify-full&sslrootcert=FILE to DATABASE_URL, with the file of the authority that signed it.',
    ],
    [
      'a problem with the data folder',
      new DataFolderError('The data folder is full.'),
      'The data folder is full.',
    ],
    [
      'wrong settings, one per line',
      new SettingsError(['A is wrong']),
      'The settings need attention:\n  A is wrong',
    ],
    ['a thrown value that is not an Error', 'a string', 'a string'],
  ])('a failed start explains: %s', (_, error, explanation) => {
    expect(explainFailure(error)).toBe(explanation)
  })

  test('a failed start shows the stack of an unexpected error', () => {
    expect(explainFailure(new TypeError('x is not a function'))).toMatch(
      /^TypeError: x is not a function\n +at /,
    )
  })
})
