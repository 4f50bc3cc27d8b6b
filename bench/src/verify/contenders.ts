// The ways to verify a token that are measured against each other.
import { createHmac, createSecretKey, timingSafeEqual, verify, type KeyObject } from 'node:crypto'
import { importJWK, jwtVerify } from 'jose'
import type { Verifier } from '../../../verifiers/node/src/index.ts'
import { audience, issuer, type Algorithm, type Issuer } from './tokens.ts'

/** `jose16`: sixteen in parallel. `seenFull`: as many tokens as the cache holds; EdDSA only. */
export type ContenderName = 'bare' | 'jose' | 'jose16' | 'first' | 'seen' | 'seenFull'

/** Prepares the next `count` verifications and returns the function to measure. */
export type Contender = (count: number) => Promise<() => Promise<void> | void>

/** More than a verifier remembers: whoever goes round in circles finds each one forgotten. */
const NEW_TOKENS = 12_000
const SEEN_TOKENS = 1_000
const FULL_TOKENS = 10_000
/** Sockets and requests are dealt with between verifications, as they would be. */
const TURN = 100

/** A string as it comes out of a request: its own, with a hash that nobody has computed yet. */
const received = (token: string): string => Buffer.from(token, 'latin1').toString('latin1')

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Goes round in the tokens, on from where the last call has stopped. */
function roundRobin<Item>(items: readonly Item[]): (count: number) => Item[] {
  let place = 0
  return (count) =>
    Array.from({ length: count }, () => items[place++ % items.length] ?? never('There are no tokens.'))
}

function never(why: string): never {
  throw new Error(why)
}

async function inOrder(tokens: readonly string[], check: (token: string) => Promise<unknown>): Promise<void> {
  let done = 0
  for (const token of tokens) {
    await check(token)
    if ((done += 1) % TURN === 0) await nextTurn()
  }
}

function bareCheck(algorithm: Algorithm, key: KeyObject): (data: Buffer, signature: Buffer) => boolean {
  switch (algorithm) {
    case 'EdDSA':
      return (data, signature) => verify(null, data, key, signature)
    case 'ES256': {
      const options = { key, dsaEncoding: 'ieee-p1363' } as const
      return (data, signature) => verify('sha256', data, options, signature)
    }
    case 'RS256':
      return (data, signature) => verify('sha256', data, key, signature)
    case 'HS256':
      return (data, signature) => timingSafeEqual(createHmac('sha256', key).update(data).digest(), signature)
  }
}

/** Nothing but the signature: not a token is taken apart. */
function bare({ algorithm, key }: Issuer, tokens: readonly string[]): Contender {
  const check = bareCheck(algorithm, key)
  const next = roundRobin(
    tokens.map((token) => {
      const end = token.lastIndexOf('.')
      return [Buffer.from(token.slice(0, end)), Buffer.from(token.slice(end + 1), 'base64url')] as const
    }),
  )
  return (count) => {
    const parts = next(count)
    return Promise.resolve(async () => {
      let done = 0
      for (const [data, signature] of parts) {
        if (!check(data, signature)) never('A signature is wrong.')
        if ((done += 1) % TURN === 0) await nextTurn()
      }
    })
  }
}

async function joseCheck({
  algorithm,
  key,
  signingKey,
}: Issuer): Promise<(token: string) => Promise<unknown>> {
  const own =
    signingKey === undefined ? createSecretKey(key.export()) : await importJWK(signingKey.jwk, algorithm)
  const options = { issuer, audience, typ: 'at+jwt', algorithms: [algorithm] }
  return (token) => jwtVerify(token, own, options)
}

function first(verifier: Verifier, tokens: readonly string[]): Contender {
  const next = roundRobin(tokens)
  return (count) => {
    const copies = next(count).map(received)
    return Promise.resolve(async () => {
      const before = verifier.health().cacheHits
      await inOrder(copies, (token) => verifier.verify(token))
      if (verifier.health().cacheHits !== before) never('A token meant to be new was remembered.')
    })
  }
}

function seen(verifier: Verifier, tokens: readonly string[]): Contender {
  const next = roundRobin(tokens)
  return async (count) => {
    await inOrder(tokens, (token) => verifier.verify(token))
    const copies = next(count).map(received)
    return async () => {
      const before = verifier.health().cacheHits
      await inOrder(copies, (token) => verifier.verify(token))
      if (verifier.health().cacheHits !== before + count) never('A token meant to be known was forgotten.')
    }
  }
}

type Contenders = Partial<Record<ContenderName, Contender>>

const issueMany = (tokenIssuer: Issuer, count: number): string[] =>
  Array.from({ length: count }, () => tokenIssuer.issue())

export interface Tokens {
  readonly fresh: readonly string[]
  readonly seen: readonly string[]
}

/** Takes seconds. */
export const issueTokens = (tokenIssuer: Issuer): Tokens => ({
  fresh: issueMany(tokenIssuer, NEW_TOKENS),
  seen: issueMany(tokenIssuer, SEEN_TOKENS),
})

/** Measured in every process: the bare signature check and the verifier. */
export const createContenders = (tokenIssuer: Issuer, tokens: Tokens, verifier: Verifier): Contenders => ({
  bare: bare(tokenIssuer, tokens.fresh),
  first: first(verifier, tokens.fresh),
  seen: seen(verifier, tokens.seen),
})

export async function createJoseContenders(tokenIssuer: Issuer, tokens: Tokens): Promise<Contenders> {
  const check = await joseCheck(tokenIssuer)
  const next = roundRobin(tokens.seen.map(received))
  return {
    jose: (count) => {
      const tokens = next(count)
      return Promise.resolve(() => inOrder(tokens, check))
    },
    jose16: (count) => {
      const rest = next(count).values()
      const share = async (): Promise<void> => {
        for (const token of rest) await check(token)
      }
      return Promise.resolve(async () => {
        await Promise.all(Array.from({ length: 16 }, share))
      })
    },
  }
}

/** `verifier` is used for nothing else. */
export const createFullContender = (tokenIssuer: Issuer, verifier: Verifier): Contenders => ({
  seenFull: seen(verifier, issueMany(tokenIssuer, FULL_TOKENS)),
})
