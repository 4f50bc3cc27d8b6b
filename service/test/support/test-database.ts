// Creates databases on the run's PostgreSQL server. Each has a unique name, so files and tests run in parallel.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { recordOpenedDatabase } from './opened-databases.ts'

export type TestDatabase = {
  url: string
  /** Also ends open connections, so close the pool first. */
  drop: () => Promise<void>
}

const asAdmin = async <T>(work: (admin: pg.Client) => Promise<T>): Promise<T> => {
  const admin = new pg.Client(inject('postgres').adminUrl)
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

const urlOf = (name: string): string => {
  const url = new URL(inject('postgres').adminUrl)
  url.pathname = `/${name}`
  return url.href
}

const create = async (admin: pg.Client, name: string, template: string): Promise<void> => {
  const encoding = template === 'template0' ? "encoding 'UTF8'" : ''
  await admin.query(
    `create database ${admin.escapeIdentifier(name)} template ${admin.escapeIdentifier(template)} ${encoding}`,
  )
}

const drop = async (admin: pg.Client, name: string): Promise<void> => {
  await admin.query(`drop database if exists ${admin.escapeIdentifier(name)} with (force)`)
}

/** Creates a database: empty, or a copy of `template`. The template must not have open connections. */
export const createTestDatabase = ({ template = 'template0' } = {}): Promise<TestDatabase> =>
  asAdmin(async (admin) => {
    const { prefix, origin } = inject('postgres')
    const name = prefix + randomBytes(6).toString('hex')
    await create(admin, name, template)
    const version = await admin.query<{ server_version: string }>('show server_version')
    recordOpenedDatabase(`PostgreSQL ${version.rows[0]?.server_version.split(' ')[0] ?? ''} (${origin})`)
    return { url: urlOf(name), drop: () => asAdmin((again) => drop(again, name)) }
  })

/** Runs `work` while no other process of this run does work under the same name. */
export const inTurn = <T>(name: string, work: (admin: pg.Client) => Promise<T>): Promise<T> =>
  asAdmin(async (admin) => {
    // The session holds the lock until the admin connection ends.
    await admin.query('select pg_advisory_lock(hashtext($1))', [inject('postgres').prefix + name])
    return work(admin)
  })

/**
 * The name of a template database. The first caller in a run prepares it with `fill`.
 * `fill` gets the URL of an empty database and closes its connections before it returns.
 */
export const templateDatabase = (name: string, fill: (url: string) => Promise<void>): Promise<string> =>
  inTurn(name, async (admin) => {
    const template = `${inject('postgres').prefix}template_${name}`
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [template])
    if (rowCount === 1) return template
    await create(admin, template, 'template0')
    try {
      await fill(urlOf(template))
    } catch (error) {
      await drop(admin, template)
      throw error
    }
    return template
  })
