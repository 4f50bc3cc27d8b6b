// A gateway in a process of its own: a verifier in the mode `refuse` guards many sockets, and their clients hold them open.
// Its only input is a line, after which it prints what has happened to them, and exits.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { WebSocket, WebSocketServer } from 'ws'
import { createVerifier } from '../verifiers/node/src/index.ts'

const [url = '', serviceKey = '', token = '', count = ''] = process.argv.slice(2)
/** How often a verifier is looked at that says nothing of becoming stale. A stale one closes all sockets too. */
const LOOK_EVERY_MS = 50

const verifier = createVerifier({ url, serviceKey, issuer: 'http://localhost:8000', audience: 'chat' })
await verifier.ready()
const guard = verifier.guardSockets()
const gateway = new WebSocketServer({ port: 0, host: '127.0.0.1' })
gateway.on('connection', (socket) => {
  void verifier.verify(token).then((claims) => {
    guard.hold(socket, claims)
    socket.send('held')
  })
})
await once(gateway, 'listening')
const { port } = gateway.address() as AddressInfo

const closed: number[] = []
for (let opened = 0; opened < Number(count); opened += 1) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`)
  socket.on('close', (code) => closed.push(code))
  await once(socket, 'message')
}
let timesStale = 0
setInterval(() => {
  if (!verifier.health().fresh) timesStale += 1
}, LOOK_EVERY_MS)
console.log('open')

await once(createInterface({ input: process.stdin }), 'line')
console.log(JSON.stringify({ held: guard.size, closed, timesStale }))
process.exit()
