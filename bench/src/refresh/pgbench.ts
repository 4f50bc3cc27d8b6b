// PostgreSQL's own benchmark, with the statement of the service.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type pg from 'pg'
import { requireServer } from '../../../scripts/postgres/find-server.ts'
import { ROTATE } from '../../../service/src/infrastructure/postgres/rotation-statements.ts'
import { LAST_PLACE, SESSIONS_PER_PERSON, sessionIdOf } from './bulk-sessions.ts'
import type { Slice } from './slice.ts'
import { CLASS_SIZE, CLASSES_PER_LANE, SESSION_IN_PGBENCH, stopInClass, WALKED_IN_SQL } from './walk.ts'

/** Client and class are one. */
const CLIENTS = CLASSES_PER_LANE
const THREADS = 2

/**
 * In the order of the statement's parameters. pgbench cannot make ids, which are not numbers, so each session contains
 * the id of the next.
 */
const parameters = [
  ':user_id',
  ':device_id',
  ':generation',
  ':now',
  ':rests_until',
  `'${LAST_PLACE.address}'`,
  `'${LAST_PLACE.userAgent}'`,
]

/** `\gset` aborts the client if a refresh matches no row. */
const script = `
\\if :walked < 0
  select walked, id as device_id from standing where client = :client_id \\gset
\\endif
\\set user_id (${SESSION_IN_PGBENCH}) / ${SESSIONS_PER_PERSON} + 1
\\set generation :walked / ${CLASS_SIZE}
${ROTATE.text.replaceAll(/\$(\d)/g, (_, number: string) => parameters[Number(number) - 1] ?? '')}
\\gset
\\set walked :walked + 1
`

function findPgbench(): { path: string; env: NodeJS.ProcessEnv } {
  const { bin, env } = requireServer()
  const path = join(bin, 'pgbench')
  if (existsSync(path)) return { path, env }
  throw new Error(
    `There is no pgbench beside the server in ${bin}. Debian's package postgresql has it; elsewhere it is often in one called postgresql-contrib.`,
  )
}

function readReport(report: string): { count: number; tps: number } {
  const read = (pattern: RegExp): number => Number(pattern.exec(report)?.[1])
  const count = read(/actually processed: (\d+)/)
  const tps = read(/^tps = ([\d.]+)/m)
  if (count > 0 && tps > 0) return { count, tps }
  throw new Error(`pgbench reports no figures: ${report}`)
}

async function runPgbench(url: string, seconds: number): Promise<string> {
  const { path, env } = findPgbench()
  const now = new Date()
  const restsUntil = new Date(now.getTime() + 30 * 24 * 3_600_000)
  const variables = { walked: '-1', now: now.toISOString(), rests_until: restsUntil.toISOString() }
  const settings = [
    '-n',
    '-M',
    'prepared',
    '-c',
    String(CLIENTS),
    '-j',
    String(THREADS),
    '-T',
    String(seconds),
  ]
  const given = Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`])
  const pgbench = spawn(path, [...settings, ...given, '-f', '-', url], { env })
  pgbench.stdin.end(script)
  const ended = once(pgbench, 'exit') as Promise<[number | null]>
  const [report, complaints, [code]] = await Promise.all([text(pgbench.stdout), text(pgbench.stderr), ended])
  if (code !== 0 || /error|aborted/.test(complaints)) throw new Error(`pgbench failed: ${complaints}`)
  return report
}

/** Sixteen clients, each with one statement at a time. */
export class Pgbench {
  readonly #pool: pg.Pool
  readonly #url: string
  #counted = 0

  constructor(pool: pg.Pool, url: string) {
    this.#pool = pool
    this.#url = url
  }

  /**
   * Called before each run and after the last. Checks that every refresh that pgbench counted has happened, and records
   * where each client continues.
   */
  async noteStanding(): Promise<void> {
    const { rows } = await this.#pool.query<{ class: number; walked: number }>(WALKED_IN_SQL)
    const own = rows.slice(0, CLIENTS)
    const happened = own.reduce((sum, { walked }) => sum + walked, 0)
    if (happened !== this.#counted)
      throw new Error(`pgbench counts ${this.#counted} refreshes, the database ${happened}.`)
    await this.#pool.query(
      'create table if not exists standing (client integer primary key, walked integer not null, id uuid not null)',
    )
    await this.#pool.query(
      `insert into standing select * from unnest($1::integer[], $2::integer[], $3::uuid[])
       on conflict (client) do update set walked = excluded.walked, id = excluded.id`,
      [
        own.map((row) => row.class),
        own.map(({ walked }) => walked),
        own.map((row) => sessionIdOf(stopInClass(row.class, row.walked).session)),
      ],
    )
  }

  async run(seconds: number): Promise<Slice> {
    const { count, tps } = readReport(await runPgbench(this.#url, seconds))
    this.#counted += count
    return { count, wallMs: (count * 1_000) / tps, latenciesMs: [] }
  }
}
