// A process that refreshes through the driver alone: without HTTP and without tokens.
import type pg from 'pg'
import { secondsAfter } from '../../../service/src/domain/session.ts'
import { connectPool } from '../../../service/src/infrastructure/postgres/connect.ts'
import { openDatabase } from '../../../service/src/infrastructure/postgres/database.ts'
import { PostgresSessions } from '../../../service/src/infrastructure/postgres/postgres-sessions.ts'
import { ROTATE } from '../../../service/src/infrastructure/postgres/rotation-statements.ts'
import { serveParent } from '../child.ts'
import { LAST_PLACE, ownerOf, sessionIdOf } from './bulk-sessions.ts'
import { closedLoop, type Slice } from './slice.ts'
import { createWalk } from './walk.ts'

/** As many as pgbench has. */
const STATEMENT_POOL = 16
/** The service's own. */
const ROTATE_POOL = 10
const IDLE_SECONDS = 30 * 24 * 3_600

type Way = 'statement' | 'rotate'

let pool: pg.Pool | undefined
let sessions: PostgresSessions | undefined

const nextOfStatement = createWalk('statement')
const nextOfRotate = createWalk('rotate')

async function runStatement(): Promise<void> {
  const { session, generation } = nextOfStatement()
  const now = new Date()
  const values = [
    ownerOf(session),
    sessionIdOf(session),
    generation,
    now,
    secondsAfter(now, IDLE_SECONDS),
    LAST_PLACE.address,
    LAST_PLACE.userAgent,
  ]
  const response = await pool?.query({ name: ROTATE.name, text: ROTATE.text, values })
  if (response?.rowCount !== 1) throw new Error(`Session ${session} was not at generation ${generation}.`)
}

async function rotate(): Promise<void> {
  const { session, generation } = nextOfRotate()
  const rotated = await sessions?.rotate({
    userId: ownerOf(session),
    sessionId: sessionIdOf(session),
    generation,
    now: new Date(),
    idleSeconds: IDLE_SECONDS,
    from: LAST_PLACE,
  })
  if (rotated === undefined) throw new Error(`Session ${session} was not at generation ${generation}.`)
}

const handlers = {
  connect: (url: string): void => {
    pool = connectPool(url, STATEMENT_POOL)
    sessions = new PostgresSessions(openDatabase(connectPool(url, ROTATE_POOL)))
  },

  measure: ({ way, atOnce, forMs }: { way: Way; atOnce: number; forMs: number }): Promise<Slice> =>
    closedLoop(atOnce, forMs, way === 'statement' ? runStatement : rotate),
}

export type DriverProcess = typeof handlers

serveParent(handlers)
