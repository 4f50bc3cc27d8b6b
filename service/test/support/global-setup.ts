// Makes one PostgreSQL server available to the whole run: the one TEST_DATABASE_URL names, or a private one. Builds the
// verifier, so that examples run on what is published.
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
      /** How the closing lines call this server. */
      origin: string
      /** Every database of this run has a name that starts so. */
      prefix: string
    }
    /** A file: one line for each database that a test opened. */
    openedDatabases: string
    /** A file: one line for each browser that a test opened. */
    openedBrowsers: string
    /** A file: one line for each fault test, of what it did. */
    faultTallies: string
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

/** Quick when nothing has changed. Wrong types are for the check of types to tell; here the code counts. */
const buildVerifier = async (): Promise<void> => {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const project = fileURLToPath(new URL('../../../verifier/tsconfig.build.json', import.meta.url))
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
  project.provide('faultTallies', join(folder, 'fault-tallies'))
  return async () => {
    await rm(folder, { recursive: true })
    await (cluster === undefined ? dropLeftovers(adminUrl, prefix) : cluster.stop())
  }
}
