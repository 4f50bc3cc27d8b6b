// A process that refreshes through the driver, in databases of different sizes.
import type pg from 'pg'
import { secondsAfter } from '../../../service/src/domain/session.ts'
import { connectPool } from '../../../service/src/infrastructure/postgres/connect.ts'
import { ROTATE } from '../../../service/src/infrastructure/postgres/rotation-statements.ts'
import { serveParent } from '../child.ts'
import { LAST_PLACE, ownerOf, sessionIdOf } from '../refresh/bulk-sessions.ts'
import { closedLoop, type Slice } from '../refresh/slice.ts'
import { createTargets, type Reach } from './reach.ts'

const IDLE_SECONDS = 30 * 24 * 3_600

interface Place {
  readonly pool: pg.Pool
  readonly next: ReturnType<typeof createTargets>
}

const places = new Map<number, Place>()

async function refresh({ pool, next }: Place, reach: Reach): Promise<void> {
  const { session, generation } = next(reach)
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
  const { rowCount } = await pool.query({ name: ROTATE.name, text: ROTATE.text, values })
  if (rowCount !== 1) throw new Error(`Session ${session} was not at generation ${generation}.`)
}

const handlers = {
  connect: ({ size, url, atOnce }: { size: number; url: string; atOnce: number }): void => {
    places.set(size, { pool: connectPool(url, atOnce), next: createTargets(size, 'driver') })
  },

  measure: (asked: { size: number; reach: Reach; atOnce: number; forMs: number }): Promise<Slice> => {
    const place = places.get(asked.size)
    if (place === undefined) throw new Error(`There is no database of ${asked.size} sessions.`)
    return closedLoop(asked.atOnce, asked.forMs, () => refresh(place, asked.reach))
  },
}

export type GrowthDriver = typeof handlers

serveParent(handlers)
