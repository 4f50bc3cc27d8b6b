/** A response as a load sees it. */
export interface Response {
  readonly status: number
  /** The status line and the header fields, as they came. */
  readonly head: string
  readonly body: string
}

const END_OF_HEAD = '\r\n\r\n'
const NO_BODY = new Set([204, 304])

/**
 * Returns the first response in the bytes a connection has received (as latin1) and the bytes after it; undefined while
 * the response is not complete.
 */
export function readResponse(received: string): { response: Response; rest: string } | undefined {
  const end = received.indexOf(END_OF_HEAD)
  if (end < 0) return undefined
  const head = received.slice(0, end)
  const status = Number(head.slice(9, 12))
  const read = readBody(head, status, received, end + END_OF_HEAD.length)
  return read && { response: { status, head, body: read.body }, rest: received.slice(read.end) }
}

function readBody(head: string, status: number, received: string, start: number) {
  if (NO_BODY.has(status)) return { body: '', end: start }
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) return readChunks(received, start)
  const end = start + Number(length)
  return received.length < end ? undefined : { body: received.slice(start, end), end }
}

function readChunks(received: string, start: number) {
  let body = ''
  let at = start
  for (;;) {
    const endOfSize = received.indexOf('\r\n', at)
    if (endOfSize < 0) return undefined
    const size = Number.parseInt(received.slice(at, endOfSize), 16)
    const next = endOfSize + 2 + size + 2
    if (received.length < next) return undefined
    if (size === 0) return { body, end: next }
    body += received.slice(endOfSize + 2, endOfSize + 2 + size)
    at = next
  }
}
