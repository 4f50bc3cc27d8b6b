// A process with verifiers that know so many ended sessions. It measures when it is asked to, and idles meanwhile.
import { setTimeout as delay } from 'node:timers/promises'
import { createVerifier, type Verifier } from '../../../verifiers/node/src/index.ts'
import { serviceKey } from '../../../verifiers/node/test/support/stand-in-service.ts'
import { serveParent } from '../child.ts'
import {
  createContenders,
  createFullContender,
  createJoseContenders,
  issueTokens,
  type Contender,
  type ContenderName,
} from './contenders.ts'
import { audience, createIssuer, issuer, type Algorithm, type Issuer } from './tokens.ts'

const LONGEST_START_MS = 120_000
const FRESH_MS = 3_000
/** How many in a first try; the count grows until a slice is long enough. */
const FIRST_COUNT = 50

export interface Slice {
  readonly algorithm: Algorithm
  readonly contender: ContenderName
}

export interface Cost {
  readonly count: number
  readonly wallMs: number
  /** Of all threads of the process, garbage collection and crypto's own among them. */
  readonly cpuMs: number
}

export interface Memory {
  readonly heapBytes: number
  readonly loadMs: number
}

interface Issued {
  readonly by: Issuer
  readonly tokens: ReturnType<typeof issueTokens>
}

const issued = new Map<Algorithm, Issued>()
const verifiers: Verifier[] = []
const contenders = new Map<Algorithm, Partial<Record<ContenderName, Contender>>>()

async function connect(url: string, sharedSecret?: string): Promise<Verifier> {
  const own = sharedSecret === undefined ? {} : { sharedSecret }
  const verifier = createVerifier({ url, serviceKey, issuer, audience, ...own })
  await verifier.ready({ timeoutMs: LONGEST_START_MS })
  verifiers.push(verifier)
  return verifier
}

/** Memory after several collections: the feed's buffers are freed in steps. */
async function heapInUse(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc?.()
    await delay(50)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const contenderOf = ({ algorithm, contender }: Slice): Contender => {
  const found = contenders.get(algorithm)?.[contender]
  if (found === undefined) throw new Error(`Nobody verifies ${algorithm} as ${contender} here.`)
  return found
}

/** On a busy machine a heartbeat may be late; refusing is not what is measured. */
async function untilFresh(): Promise<void> {
  while (!verifiers.every((verifier) => verifier.health().stalenessMs < FRESH_MS)) await delay(100)
}

async function measure(slice: Slice, count: number): Promise<Cost> {
  await untilFresh()
  const run = await contenderOf(slice)(count)
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await run()
  const wallMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpuBefore)
  return { count, wallMs, cpuMs: (user + system) / 1_000 }
}

const handlers = {
  /** Returns the public keys. Runs before `connect`: signing so many tokens would block the heartbeats. */
  issue: (algorithms: readonly Algorithm[]): Record<string, unknown>[] => {
    for (const algorithm of algorithms) {
      const by = createIssuer(algorithm)
      issued.set(algorithm, { by, tokens: issueTokens(by) })
    }
    return [...issued.values()].flatMap(({ by: { signingKey } }) =>
      signingKey === undefined ? [] : [signingKey.jwk],
    )
  },

  /** Connects a verifier and returns the memory it holds. */
  connect: async (url: string): Promise<Memory> => {
    const before = await heapInUse()
    const startedAt = performance.now()
    const verifier = await connect(url)
    const loadMs = performance.now() - startedAt
    const heapBytes = (await heapInUse()) - before
    for (const [algorithm, { by, tokens }] of issued)
      if (by.sharedSecret === undefined) contenders.set(algorithm, createContenders(by, tokens, verifier))
    return { heapBytes, loadMs }
  },

  /** Contenders that do not depend on the number of ended sessions. */
  addOthers: async (url: string): Promise<void> => {
    for (const [algorithm, { by, tokens }] of issued) {
      if (by.sharedSecret !== undefined)
        contenders.set(algorithm, createContenders(by, tokens, await connect(url, by.sharedSecret)))
      const jose = await createJoseContenders(by, tokens)
      const full = algorithm === 'EdDSA' ? createFullContender(by, await connect(url)) : {}
      contenders.set(algorithm, { ...contenders.get(algorithm), ...jose, ...full })
    }
  },

  /** Warms up, and returns how many verifications take about `sliceMs`. */
  calibrate: async ({ slice, sliceMs }: { slice: Slice; sliceMs: number }): Promise<number> => {
    let count = FIRST_COUNT
    let perMs = 0
    for (let round = 0; round < 8; round += 1) {
      const { wallMs } = await measure(slice, count)
      perMs = Math.max(perMs, count / wallMs)
      count = Math.max(FIRST_COUNT, Math.round(Math.min(count * 10, perMs * sliceMs)))
    }
    return count
  },

  measure: ({ slice, count }: { slice: Slice; count: number }): Promise<Cost> => measure(slice, count),
}

export type Worker = typeof handlers

serveParent(handlers)
