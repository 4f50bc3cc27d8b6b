import { expect, test } from 'vitest'
import { authenticate, sendRefusal } from '../../src/adapters/http.ts'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { Claims, RefusalCode } from '../../src/token-types.ts'
import { readVectors } from './read-vectors.ts'

interface HttpVectors {
  readonly headers: readonly {
    readonly authorization: readonly string[]
    readonly token?: string
    readonly code?: string
    readonly title?: string
  }[]
  readonly refusals: readonly {
    readonly refusal: RefusalCode
    readonly reason?: string
    readonly max_age?: number
    readonly status: number
    readonly code: string
    readonly title: string
    readonly www_authenticate?: string
    readonly retry_after?: string
  }[]
}

const { headers, refusals } = readVectors('http.json') as HttpVectors

interface Response {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: {
    readonly code: string
    readonly title: string
    readonly status: number
    readonly reason?: string
  }
}

function responseTo(refusal: unknown): Response {
  let [status, headers, body] = [0, {}, '']
  sendRefusal(
    { writeHead: (sent, names) => ([status, headers] = [sent, names]), end: (text) => (body = text) },
    refusal,
  )
  return { status, headers, body: JSON.parse(body) as Response['body'] }
}

test.each(headers)('the headers $authorization give $token$code', async ({ authorization, ...expected }) => {
  const seen: { token?: string; code?: string; title?: string } = {}
  const verifier = {
    verify: (token: string) => {
      seen.token = token
      return Promise.resolve({} as Claims)
    },
  }
  const request = {
    headers: { authorization: authorization[0] },
    headersDistinct: authorization.length === 0 ? {} : { authorization: [...authorization] },
  }
  await authenticate(verifier, request).catch((error: unknown) => {
    const { code, title } = responseTo(error).body
    Object.assign(seen, { code, title })
  })
  expect(seen).toEqual(expected)
})

test.each(refusals)('the refusal $refusal is $status $code over HTTP', (expected) => {
  const { refusal, reason, max_age: maxAgeSeconds, status, code, title } = expected
  const details = {
    ...(reason !== undefined && { reason }),
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
  }
  const { headers, ...response } = responseTo(new TokenRefused(refusal, details))
  expect(response).toMatchObject({ status, body: { status, code, title } })
  expect(response.body.reason).toBe(reason)
  expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
  expect(headers['www-authenticate']).toBe(expected.www_authenticate)
  expect(headers['retry-after']).toBe(expected.retry_after)
})
