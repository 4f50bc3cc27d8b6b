// A server with better-auth, as its documentation sets one up: PostgreSQL through pg, e-mail and password, node:http.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { hash, verify } from '@node-rs/argon2'
import pg from 'pg'
import { serveParent } from '../src/child.ts'

// Read while it is loaded.
process.env.NODE_ENV = 'production'
const { betterAuth } = await import('better-auth')
const { getCookieCache } = await import('better-auth/cookies')
const { getMigrations } = await import('better-auth/db/migration')
const { toNodeHandler } = await import('better-auth/node')

/** As many as chat-auth has by default. */
const CONNECTIONS = 10

/** Nothing but what is asked for differs from its defaults. */
const chosen = ({ argon2, joins = false, cacheSeconds }) => ({
  emailAndPassword: {
    enabled: true,
    ...(argon2 !== undefined && {
      password: {
        hash: (password) => hash(password, argon2),
        verify: (stored) => verify(stored.hash, stored.password),
      },
    }),
  },
  ...(joins && { advanced: { database: { joins } } }),
  ...(cacheSeconds !== undefined && { session: { cookieCache: { enabled: true, maxAge: cacheSeconds } } }),
})

let secondSecret = ''

/** Who the cookies say it is; undefined for nobody. */
async function personOf(cookie) {
  const cached = await getCookieCache(new Headers({ cookie }), { secret: secondSecret, isSecure: false })
  return cached?.user.email
}

const handlers = {
  /** Returns the address it listens on. */
  open: async ({ databaseUrl, secret, settings }) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${server.address().port}`
    const options = {
      baseURL: url,
      secret,
      database: new pg.Pool({ connectionString: databaseUrl, max: CONNECTIONS }),
      // Its limit is by address, and it is the work that is compared here.
      rateLimit: { enabled: false },
      telemetry: { enabled: false },
      ...chosen(settings),
    }
    const { runMigrations } = await getMigrations(options)
    await runMigrations()
    server.on('request', toNodeHandler(betterAuth(options)))
    return url
  },

  /** As another service, which shares the secret and asks nobody. */
  shareSecret: (secret) => {
    secondSecret = secret
  },

  /** Milliseconds for checking each of the cookies so many times. */
  check: async ({ credentials, passes }) => {
    const startedAt = performance.now()
    for (let pass = 0; pass < passes; pass += 1) {
      for (const cookie of credentials)
        if ((await personOf(cookie)) === undefined) throw new Error('A cookie was not accepted.')
    }
    return performance.now() - startedAt
  },

  accepts: async (cookie) => (await personOf(cookie)) !== undefined,
}

serveParent(handlers)
