/** A complete HTTP/1.1 request, for `Connection.exchange`. The body must be ASCII. */
export function request(line: string, fields: readonly string[] = [], body = ''): string {
  const ofBody = body === '' ? [] : ['content-type: application/json', `content-length: ${body.length}`]
  return [`${line} HTTP/1.1`, 'host: 127.0.0.1', ...fields, ...ofBody, '', body].join('\r\n')
}
