// Every hostile request that the tests know is sent to a process of the service, while a verifier follows it and guards a
// hundred sockets. HOSTILE_TABLE=file writes what each request cost.
import { spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heavyRequests, type HeavyRequest } from '../service/test/support/heavy-requests.ts'
import { hostileRequests, statusOf } from '../service/test/support/hostile-clients.ts'
import {
  brokenHttp,
  jsonRoutes,
  malformedPaths,
  oddTexts,
  plausibleBody,
  unknownQueries,
  unreadableBodies,
  unservedPaths,
  wrongAuthorizations,
  wrongTypes,
  type JsonRoute,
} from '../service/test/support/hostile-input.ts'
import { hostilePictures } from '../service/test/support/hostile-pictures.ts'
import { MeasuredService, type Measured } from '../service/test/support/measured-service.ts'
import { preparedFolder } from '../service/test/support/prepared-folder.ts'
import { request } from '../service/test/support/raw-exchange.ts'
import type { TestUser, Tokens } from '../service/test/support/test-client.ts'
import { databaseNames, migratedDatabase } from '../service/test/support/test-service.ts'

/** Of CPU time: for one request on the main thread without a pause, and for one picture in all threads together. */
const BLOCK_LIMIT_MS = 50
const PICTURE_LIMIT_MS = 500
/** The largest picture takes about 180 MB, and garbage may pile up beside it. */
const MEMORY_LIMIT = 350
const SOCKETS = 100
/** Of one user, below the number that is free. */
const UPLOADS = 12

const isQuick = ({ blockMs, megabytes }: Measured): boolean =>
  blockMs <= BLOCK_LIMIT_MS && megabytes <= MEMORY_LIMIT
const isCheap = (measured: Measured): boolean => isQuick(measured) && measured.allMs <= PICTURE_LIMIT_MS

/** Made once for both databases. */
let pictures: ReturnType<typeof hostilePictures> | undefined

describe.each(databaseNames)('hostile requests over HTTP, on %s', (database) => {
  let place: { settings: Record<string, string>; remove: () => Promise<void> }
  let measured: MeasuredService
  let gateway: ChildProcess
  let gatewayLines: AsyncIterator<string, undefined>
  let person: TestUser
  let tokens: Tokens
  const rows: [title: string, measured: Measured][] = []

  beforeAll(async () => {
    place = database === 'PGlite' ? await preparedFolder() : await migratedDatabase()
    measured = await MeasuredService.start({ ...place.settings, ACCESS_TOKEN_TTL: '6h' })
    const { service } = measured
    person = await service.client().register()
    tokens = await service.client().signIn(person)
    const script = join(import.meta.dirname, 'held-sockets.ts')
    const options = [service.internalUrl, service.serviceKey, tokens.access_token, String(SOCKETS)]
    gateway = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...options], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    if (gateway.stdout === null) throw new Error('the gateway has no output')
    gatewayLines = createInterface({ input: gateway.stdout })[Symbol.asyncIterator]()
    expect((await gatewayLines.next()).value).toBe('open')
  }, 120_000)

  afterAll(async () => {
    const { HOSTILE_TABLE: file } = process.env
    if (file !== undefined) writeFileSync(`${file}-${database}.md`, tableOf(rows))
    gateway.kill()
    await measured.stop()
    await place.remove()
  })

  let uploader = ''
  let uploads = 0
  const nextUploader = async (): Promise<string> => {
    if (uploads % UPLOADS === 0) {
      const client = measured.service.client()
      uploader = (await client.signIn(await client.register())).access_token
    }
    uploads += 1
    return uploader
  }

  /** Prepares the request. The returned function sends it. */
  const prepare = async ({ isInternal = false, bytes }: Omit<HeavyRequest, 'title'>) => {
    const { url, internalUrl } = measured.service
    const sent = await bytes()
    return () => statusOf(isInternal ? internalUrl : url, sent)
  }
  /** Measures one request, and again if it seems to cost too much. */
  const cost = async (hostile: HeavyRequest, isFine: (measured: Measured) => boolean): Promise<number> => {
    let status = 0
    const prepared = async () => {
      const send = await prepare(hostile)
      return async (): Promise<void> => {
        status = await send()
      }
    }
    rows.push([hostile.title, await measured.least(prepared, isFine)])
    return status
  }
  /** Many small requests in one measurement: their longest block is that of the worst of them. */
  const costOfAll = async (title: string, all: readonly Omit<HeavyRequest, 'title'>[]): Promise<void> => {
    const prepared = async () => {
      const sends = await Promise.all(all.map(prepare))
      return async (): Promise<void> => {
        for (const send of sends) expect(await send()).not.toBe(500)
      }
    }
    rows.push([title, await measured.least(prepared, isQuick)])
  }
  const tooMuch = (isFine: (measured: Measured) => boolean, since: number): string[] =>
    rows.slice(since).flatMap(([title, each]) => (isFine(each) ? [] : [`${title}: ${JSON.stringify(each)}`]))

  test(
    'no hostile picture blocks the event loop, or takes more than half a second of CPU time',
    { tags: ['HTTP-11', 'HTTP-23'], timeout: 600_000 },
    async () => {
      const statuses = { taken: 200, picture_too_large: 413, unsupported_picture: 415 }
      const before = rows.length
      const files = await (pictures ??= hostilePictures())
      expect(files.length).toBeGreaterThan(100)
      for (const { title, bytes: picture, verdict } of files) {
        const bytes = async (): Promise<Buffer> => upload(picture, await nextUploader())
        const status = await cost({ title, bytes }, isCheap)
        expect([title, status]).toEqual([title, (statuses as Record<string, number>)[verdict] ?? 422])
      }
      expect(tooMuch(isCheap, before)).toEqual([])
    },
  )

  test(
    'no request that looks for expensive work blocks the event loop',
    { tags: ['HTTP-23'], timeout: 600_000 },
    async () => {
      const before = rows.length
      const { access_token: accessToken } = tokens
      const { serviceKey } = measured.service
      for (const hostile of heavyRequests({ accessToken, serviceKey, uploader: nextUploader })) {
        expect([hostile.title, await cost(hostile, isQuick)]).not.toEqual([hostile.title, 500])
      }
      expect(tooMuch(isQuick, before)).toEqual([])
    },
  )

  test(
    'no other hostile body, header or path of the tests blocks the event loop',
    { tags: ['HTTP-23'], timeout: 600_000 },
    async () => {
      const before = rows.length
      for (const route of jsonRoutes) {
        const name = `${route.method} ${route.path}`
        const all = hostileBodies(route).map((body) => ({ ...route, bytes: () => jsonTo(route, body) }))
        await costOfAll(`${name} with all odd bodies`, all)
      }
      const get = (path: string) => ({
        bytes: () => request(`GET ${path}`, [`Authorization: Bearer ${tokens.access_token}`]),
      })
      await costOfAll('all odd paths', [...malformedPaths, ...unservedPaths].map(get))
      await costOfAll(
        'all odd queries',
        unknownQueries.map((query) => get(`/v1/users/me${query}`)),
      )
      await costOfAll(
        'all odd Authorization headers',
        wrongAuthorizations(person, tokens).map((header) => ({
          bytes: () => request('GET /v1/users/me', [`Authorization: ${header}`]),
        })),
      )
      await costOfAll(
        'broken HTTP',
        brokenHttp.map(([, bytes]) => ({ bytes: () => Buffer.from(bytes) })),
      )
      await costOfAll(
        'requests of hostile clients',
        Object.values(hostileRequests).map(({ bytes }) => ({ bytes: () => bytes })),
      )
      expect(tooMuch(isQuick, before)).toEqual([])
    },
  )

  const jsonTo = ({ method, path, isInternal = false }: JsonRoute, body: string): Buffer =>
    request(
      `${method} ${path}`,
      [
        'Content-Type: application/json',
        `Content-Length: ${Buffer.byteLength(body)}`,
        `Authorization: Bearer ${isInternal ? measured.service.serviceKey : tokens.access_token}`,
      ],
      body,
    )

  test(
    'after all hostile requests no socket has closed, no verifier was stale and nothing has failed',
    { tags: ['HTTP-23'] },
    async () => {
      gateway.stdin?.write('\n')
      const { value } = (await gatewayLines.next()) as { value: string | undefined }
      expect(JSON.parse(value ?? '')).toEqual({ held: SOCKETS, closed: [], timesStale: 0 })
      expect(measured.service.logs.filter(({ event }) => event === 'http.failed')).toEqual([])
      expect((await measured.service.client().get('/v1/users/me', tokens.access_token)).status).toBe(200)
    },
  )
})

/** Each odd value in each field, beside the other fields, and each unreadable body. */
function hostileBodies(route: JsonRoute): string[] {
  const values = [...oddTexts, ...wrongTypes.map(({ value }) => value)]
  const odd = route.fields.flatMap((field) =>
    values.map((value) => JSON.stringify({ ...plausibleBody(route), [field]: value })),
  )
  return [...odd, ...unreadableBodies]
}

function upload(picture: Buffer, token: string): Buffer {
  const head =
    '--edge\r\nContent-Disposition: form-data; name="avatar"; filename="me.png"\r\nContent-Type: image/png\r\n\r\n'
  const body = Buffer.concat([Buffer.from(head), picture, Buffer.from('\r\n--edge--\r\n')])
  return request(
    'PUT /v1/users/me/avatar',
    [
      `Authorization: Bearer ${token}`,
      'Content-Type: multipart/form-data; boundary=edge',
      `Content-Length: ${body.length}`,
    ],
    body,
  )
}

/** The dearest first. */
function tableOf(rows: readonly [title: string, measured: Measured][]): string {
  const sorted = rows.toSorted(([, a], [, b]) => b.blockMs - a.blockMs)
  const lines = sorted.map(([title, { blockMs, mainMs, allMs, megabytes }]) =>
    [title, ...[blockMs, mainMs, allMs, megabytes].map((figure) => figure.toFixed(1))].join(' | '),
  )
  const head = [
    'request | longest block, ms | main thread, ms | all threads, ms | memory, MB',
    '--- | ---: | ---: | ---: | ---:',
  ]
  return [...head, ...lines, ''].map((line) => (line === '' ? '' : `| ${line} |`)).join('\n')
}
