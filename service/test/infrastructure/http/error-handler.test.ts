import fastify from 'fastify'
import { expect, test } from 'vitest'
import { ApplicationError, type ErrorCode } from '../../../src/application/errors.ts'
import { handleError } from '../../../src/infrastructure/http/error-handler.ts'
import { createLogger } from '../../../src/infrastructure/process/logger.ts'

async function loggedFor(code: ErrorCode, cause?: Error): Promise<Record<string, unknown>> {
  const lines: Record<string, unknown>[] = []
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>)
  const app = fastify({ loggerInstance: createLogger('info', { write }), disableRequestLogging: true })
  app.setErrorHandler(handleError('http://localhost'))
  app.get('/', () => Promise.reject(new ApplicationError(code, { retryAfterSeconds: 1, cause })))
  expect((await app.inject('/')).body).not.toContain('broke')
  const [line] = lines.filter(({ event }) => event === 'http.refused')
  return line ?? {}
}

test.each(['overloaded', 'unavailable'] as const)(
  'a refusal caused by an internal failure is logged as an error with its cause (%s)',
  async (code) => {
    expect(await loggedFor(code, new Error('broke'))).toMatchObject({
      level: 'error',
      code,
      err: { message: 'broke' },
    })
  },
)

test('a refusal without an internal cause is logged at info level', async () => {
  expect(await loggedFor('overloaded')).toMatchObject({ level: 'info', code: 'overloaded' })
  expect(await loggedFor('invalid_credentials')).toMatchObject({ level: 'info' })
})
