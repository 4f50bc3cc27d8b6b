import { CompiledQuery, type Kysely } from 'kysely'
import type { Schema } from './schema.ts'

/** A query that knows the name of its statement. */
export interface NamedQuery extends CompiledQuery {
  readonly statementName: string
}

export const isNamed = (query: CompiledQuery): query is NamedQuery => 'statementName' in query

/**
 * A statement of a hot path: each connection prepares it once, under its name. It lists its columns, because `select *`
 * would fail on every open connection when a later version adds one.
 */
export class NamedStatement<Row = never> {
  readonly name: string
  readonly text: string

  constructor(name: string, text: string) {
    this.name = name
    this.text = text
  }

  async execute(db: Kysely<Schema>, values: readonly unknown[]): Promise<readonly Row[]> {
    const query: NamedQuery = { ...CompiledQuery.raw(this.text, [...values]), statementName: this.name }
    return (await db.executeQuery<Row>(query)).rows
  }
}

const VERB_AND_TABLE = /^\W*(\w+)(?:[^]*?\b(?:from|into|update|join)\s+"?(\w+))?/i

/** A statement without its values and the rest of its text: its name, or its verb and first table. */
export function describeStatement(query: CompiledQuery): string {
  if (isNamed(query)) return query.statementName
  const [, verb = '', table = ''] = VERB_AND_TABLE.exec(query.sql) ?? []
  return `${verb} ${table}`.trimEnd()
}
