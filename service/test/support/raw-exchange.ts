// HTTP as bytes, for what no client library would send.
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Answer } from './test-client.ts'

/** Sends the bytes as they are and reads until the server closes: ask for that, or let it have a reason. */
export async function exchange(url: string, bytes: string | Buffer): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(bytes)
  return parseAnswer(await text(socket))
}

/** The first answer in what a connection received. */
export function parseAnswer(received: string): Answer {
  const [head = '', ...rest] = received.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Headers()
  for (const line of lines)
    headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
  const body = rest.join('\r\n\r\n')
  const isJson = /json/.test(headers.get('content-type') ?? '')
  return {
    status: Number(statusLine.split(' ')[1]),
    headers,
    body: isJson ? (JSON.parse(body) as unknown) : body || undefined,
  }
}

/** A request with these lines in its head, on a connection that closes after it. */
export function request(line: string, headers: readonly string[] = [], body: string | Buffer = ''): Buffer {
  const head = [`${line} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])
}
