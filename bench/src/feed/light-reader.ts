// A reader of the feed that costs next to nothing: a socket, and a search in what arrives.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Place {
  readonly url: string
  readonly serviceKey: string
  /** Where to go on; left out, it gets a snapshot. */
  readonly lastSeq?: number | undefined
}

/** Longer than what is looked for, which may be cut in two. */
const KEPT = 80

async function request({ url, serviceKey, lastSeq }: Place): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const after = lastSeq === undefined ? '' : `last-event-id: ${lastSeq}\r\n`
  socket.write(
    `GET /v1/revocations/stream HTTP/1.1\r\nhost: ${hostname}:${port}\r\naccept: text/event-stream\r\n` +
      `authorization: Bearer ${serviceKey}\r\n${after}\r\n`,
  )
  return socket
}

/** Tells of each session id, once, when the feed has told it. Resolves when the first heartbeat is there. */
export async function openLightReader(
  place: Place,
  sids: ReadonlySet<string>,
  onEnd: (sid: string) => void,
): Promise<Socket> {
  const socket = await request(place)
  const told = new Set<string>()
  let rest = ''
  let hasStarted = (): void => undefined
  const started = new Promise<void>((resolve) => (hasStarted = resolve))
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    const text = rest + chunk
    rest = text.slice(-KEPT)
    if (text.includes('event: heartbeat')) hasStarted()
    for (const [, sid = ''] of text.matchAll(/"sid":"([0-9a-f-]{36})"/g)) {
      if (!sids.has(sid) || told.has(sid)) continue
      told.add(sid)
      onEnd(sid)
    }
  })
  const gone = once(socket, 'close').then((): never => {
    throw new Error('The service has dropped a reader before its first heartbeat.')
  })
  await Promise.race([started, gone])
  return socket
}

/** A reader that takes the head of the answer, and then nothing any more. Answers the port it came from. */
export async function openStuckReader(place: Place): Promise<number> {
  const socket = await request(place)
  await once(socket, 'data')
  socket.pause()
  socket.on('error', () => undefined)
  return socket.localPort ?? 0
}
