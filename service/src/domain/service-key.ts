/** The uses of service keys. Every route of the internal listener needs one of them or says that it needs none. */
export const SCOPES = ['verify', 'lookup', 'users:read', 'moderate', 'roles', 'audit', 'operate'] as const

export type Scope = (typeof SCOPES)[number]

/** Safe in log lines, headers and URLs, and short enough for a column of a table. */
export const SERVICE_NAME = /^[a-z][a-z0-9_-]{0,31}$/

/** A key of another service or of an operator. Several keys may share a name while one is replaced. */
export interface ServiceKey {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly secret: string
}
