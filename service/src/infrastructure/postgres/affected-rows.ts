import type { QueryResult } from 'kysely'

/** How many rows a statement written in SQL changed. */
export const affectedRows = ({ numAffectedRows }: QueryResult<unknown>): number =>
  Number(numAffectedRows ?? 0)

/** The row of a statement that always returns exactly one. Anything else is a fault of ours. */
export function onlyRow<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (row === undefined || rows.length > 1) throw new Error(`expected one row, found ${rows.length}`)
  return row
}

/** Insists that the statement touched exactly one row. Anything else is a fault of ours. */
export function requireOneRow(affected: bigint): void {
  if (affected !== 1n) throw new Error(`expected to change one row, changed ${affected}`)
}
