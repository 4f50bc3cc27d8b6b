// Provides one PostgreSQL server for the whole run: the one at TEST_DATABASE_URL, or a private one. Also builds the
// verifier, so that the examples run on the published code.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startPrivateCluster } from '../../../scripts/postgres/private-cluster.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: {
      adminUrl: string
      /** The name of this server in the closing lines. */
      origin: string
      /** The prefix of the name of every database of this run. */
      prefix: string
    }
    /** A file with one line for each database that a test opened. */
    openedDatabases: string
    /** A file with one line for each browser that a test opened. */
    openedBrowsers: string
    /** A file with one line for each language that a test ran, or that is missing. */
    testedLanguages: string
    /** A file with one line of results for each fault test. */
    faultResults: string
    /** A folder that the processes of this run share. */
    runFolder: string
  }
}

const dropLeftovers = async (adminUrl: string, prefix: string): Promise<void> => {
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  const { rows } = await admin.query<{ datname: string }>(
    'select datname from pg_database where starts_with(datname, $1)',
    [prefix],
  )
  for (const { datname } of rows) {
    await admin.query(`drop database if exists ${admin.escapeIdentifier(datname)} with (force)`)
  }
  await admin.end()
}

/** Fast if nothing has changed. Type errors do not matter here: the type check reports them. */
const buildVerifier = async (): Promise<void> => {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const project = fileURLToPath(new URL('../../../verifiers/node/tsconfig.build.json', import.meta.url))
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  execFile(process.execPath, [compiler, '-p', project], (error, output) => {
    const isWritten = error === null || error.code === WRITTEN_DESPITE_ERRORS
    if (isWritten) resolve(undefined)
    else reject(new Error(`The verifier could not be built: ${output}`, { cause: error }))
  })
  await promise
}

const WRITTEN_DESPITE_ERRORS = 2

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await buildVerifier()
  const given = process.env['TEST_DATABASE_URL']
  const cluster = given === undefined || given === '' ? await startPrivateCluster() : undefined
  const adminUrl = cluster?.url ?? given ?? ''
  const prefix = `chat_auth_test_${randomBytes(4).toString('hex')}_`
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-tests-'))
  project.provide('postgres', { adminUrl, origin: cluster ? 'private cluster' : 'TEST_DATABASE_URL', prefix })
  project.provide('openedDatabases', join(folder, 'opened-databases'))
  project.provide('openedBrowsers', join(folder, 'opened-browsers'))
  project.provide('testedLanguages', join(folder, 'tested-languages'))
  project.provide('faultResults', join(folder, 'fault-results'))
  project.provide('runFolder', folder)
  return async () => {
    await rm(folder, { recursive: true })
    await (cluster === undefined ? dropLeftovers(adminUrl, prefix) : cluster.stop())
  }
}
