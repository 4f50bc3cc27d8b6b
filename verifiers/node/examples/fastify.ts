// GET /me with a valid access token, DELETE /messages after a recent authentication. Run it with SERVICE_KEY=… node verifiers/node/examples/fastify.ts
import { createVerifier } from '@chat-auth/verifier'
import { requireToken } from '@chat-auth/verifier/fastify'
import fastify, { type FastifyInstance } from 'fastify'

const {
  AUTH_URL = 'http://localhost:8010',
  SERVICE_KEY = '',
  ISSUER = 'http://localhost:8000',
  AUDIENCE = 'chat',
  PORT = '3000',
} = process.env

const verifier = createVerifier({
  url: AUTH_URL,
  serviceKey: SERVICE_KEY,
  issuer: ISSUER,
  audience: AUDIENCE,
  onError: (error) => console.error(error.message),
})
await verifier.ready()

const app = fastify()
app.get('/health', (_request, reply) =>
  reply.code(verifier.health().fresh ? 200 : 503).send(verifier.health()),
)
app.register((guarded: FastifyInstance, _options, done) => {
  guarded.register(requireToken(verifier))
  guarded.get('/me', ({ claims }) => ({ user_id: claims.user_id }))
  guarded.register((recent: FastifyInstance, _options, done) => {
    // A stolen token must not be enough, so the user entered the password in the last ten minutes.
    recent.register(requireToken(verifier, { maxAgeSeconds: 600 }))
    recent.delete('/messages', (_request, reply) => reply.code(204).send())
    done()
  })
  done()
})

console.log(`listening on ${await app.listen({ port: Number(PORT) })}`)

process.once('SIGTERM', () => {
  void app.close().then(() => verifier.close())
})
