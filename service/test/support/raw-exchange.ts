// Sends HTTP as raw bytes, for requests that no client library would send.
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { ApiResponse } from './test-client.ts'

/** Sends the bytes unchanged and reads until the server closes the connection, so the request must make it do so. */
export async function exchange(url: string, bytes: string | Buffer): Promise<ApiResponse> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(bytes)
  return parseResponse(await text(socket))
}

/** The first response in the data that a connection received. */
export function parseResponse(received: string): ApiResponse {
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

/** A request with these header lines. It asks the server to close the connection afterwards. */
export function request(line: string, headers: readonly string[] = [], body: string | Buffer = ''): Buffer {
  const head = [`${line} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])
}
