import type { Scope } from '../../domain/service-key.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * On the internal listener: the scope that a service key needs for the route, or `none` if anybody may call it. Under
     * /v1/admin, users need a role for it (domain/operator.ts).
     */
    readonly scope?: Scope | 'none'
    /** The service key stands in the header X-Service-Key, because Authorization holds the token of a user. */
    readonly hasKeyInOwnHeader?: boolean
  }
}
