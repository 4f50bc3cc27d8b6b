// `npm run demo`: chat-auth on its embedded database, the gateway, and a page to try both with.
import { createVerifier } from '@chat-auth/verifier'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { startAuthService, type AuthService } from './auth-service.ts'
import { openRoom } from './gateway.ts'
import { servePage } from './page-files.ts'

const { DEMO_DATA_DIR = join(import.meta.dirname, '../../../data/demo'), ACCESS_TOKEN_TTL } = process.env

const say = (text: string): boolean => process.stdout.write(`${text}\n`)

async function startDemo(): Promise<void> {
  // First, because its address goes into chat-auth's list of allowed origins.
  const server = createServer()
  server.on('request', answerNotReady)
  const gatewayPort = await listen(server, portIn('GATEWAY_PORT', 3000))
  const auth = await startAuthService({
    dataDir: resolve(DEMO_DATA_DIR),
    port: portIn('PORT', 8000),
    internalPort: portIn('INTERNAL_PORT', 8010),
    origins: [`http://localhost:${gatewayPort}`, `http://127.0.0.1:${gatewayPort}`],
    accessTokenTtl: ACCESS_TOKEN_TTL,
  })
  void auth.ended.then(() => endDemo('chat-auth has ended, and the demo with it.', 1))

  const verifier = createVerifier({
    url: auth.internalUrl,
    serviceKey: auth.verifierKey,
    issuer: auth.issuer,
    audience: 'chat',
    onError: (error) => process.stderr.write(`verifier: ${error.message}\n`),
  })
  await verifier.ready()
  const room = openRoom(server, verifier)
  server.off('request', answerNotReady).on('request', servePage(auth.url))
  stop = async () => {
    room.close()
    server.close()
    await verifier.close()
    await auth.stop()
  }
  say(whatToTry(`http://localhost:${gatewayPort}`, auth))
}

function portIn(name: string, byDefault: number): number {
  const port = Number(process.env[name] ?? byDefault)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new Error(`${name} is a port: a number up to 65535, such as ${byDefault}.`)
}

async function listen(server: Server, port: number): Promise<number> {
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new Error(`Port ${port} is in use. Stop what uses it, or set GATEWAY_PORT.`, { cause: error })
  }
  return (server.address() as AddressInfo).port
}

/** A page that was left open may be back before everything is. */
const answerNotReady = (_request: IncomingMessage, response: ServerResponse): unknown =>
  response.writeHead(503, { 'retry-after': '2' }).end()

const whatToTry = (pageUrl: string, { url, internalUrl, operatorKeyPath }: AuthService): string => `
  The demo is ready: ${pageUrl}

  1. Open it and create an account. Open it again in a second window, and sign in as the same user.
  2. Chat. Under "Your devices", end the other window's session: its socket closes immediately, with 4401.
  3. Ban the first user; all of that user's windows drop:

     curl -X POST ${internalUrl}/v1/users/1/disable -H 'content-type: application/json' \\
       -H "authorization: Bearer $(cat ${relative('', operatorKeyPath)})" -d '{"reason":"demo"}'

  The API of chat-auth is at ${url}/v1, its documentation at ${url}/docs. Ctrl-C stops everything.
`

let stop: () => Promise<void> = () => Promise.resolve()
let isEnding = false

async function endDemo(words: string, exitCode: number): Promise<void> {
  // Ctrl-C reaches chat-auth too, and npm passes it on a second time.
  if (isEnding) return
  isEnding = true
  say(words)
  await stop()
  process.exit(exitCode)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void endDemo('\nStopping …', 0))
}
try {
  await startDemo()
} catch (error) {
  await endDemo(error instanceof Error ? error.message : String(error), 1)
}
