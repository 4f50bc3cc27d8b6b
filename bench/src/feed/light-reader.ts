// A cheap reader of the feed: a socket, and a text search in the data.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface FeedAddress {
  readonly url: string
  readonly serviceKey: string
  /** The event after which to continue. Without it the reader gets a snapshot. */
  readonly lastEventId?: string | undefined
}

/** Characters kept from one chunk to the next, because an id may be split. Longer than any match. */
const KEPT = 80

async function request({ url, serviceKey, lastEventId }: FeedAddress): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const after = lastEventId === undefined ? '' : `last-event-id: ${lastEventId}\r\n`
  socket.write(
    `GET /v1/revocations/stream HTTP/1.1\r\nhost: ${hostname}:${port}\r\naccept: text/event-stream\r\n` +
      `authorization: Bearer ${serviceKey}\r\n${after}\r\n`,
  )
  return socket
}

/** Calls `onEnd` once for each of the ids when it arrives. Resolves with the first heartbeat. */
export async function openLightReader(
  place: FeedAddress,
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

/** The id of the last event of the feed. */
export async function lastEventIdOf(place: FeedAddress): Promise<string> {
  const socket = await request(place)
  let text = ''
  for await (const chunk of socket.setEncoding('latin1')) {
    text += String(chunk)
    // The snapshot begins with it. Leaving the loop closes the connection.
    const [, id] = /\nid: (\S+)\n/.exec(text) ?? []
    if (id !== undefined) return id
  }
  throw new Error('The service sent no event.')
}

/** A reader that takes the head of the response and then stops reading. Returns its local port. */
export async function openStuckReader(place: FeedAddress): Promise<number> {
  const socket = await request(place)
  await once(socket, 'data')
  socket.pause()
  socket.on('error', () => undefined)
  return socket.localPort ?? 0
}
