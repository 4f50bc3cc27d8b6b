import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'

const folder = join(import.meta.dirname, 'page')

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Serves the page. The policy allows only its own scripts, and connections to this server and to `authUrl`. */
export function servePage(authUrl: string): (request: IncomingMessage, response: ServerResponse) => void {
  const files = readFiles(authUrl)
  const headers = {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      `connect-src 'self' ${authUrl}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  }
  return ({ method = '', url = '' }, response) => {
    const file = files.get(url.replace(/\?.*/, ''))
    if (file === undefined) response.writeHead(404, headers).end()
    else if (!['GET', 'HEAD'].includes(method))
      response.writeHead(405, { ...headers, allow: 'GET, HEAD' }).end()
    else response.writeHead(200, { ...headers, 'content-type': file.type }).end(file.content)
  }
}

function readFiles(authUrl: string): Map<string, { type: string; content: Buffer }> {
  return new Map(
    readdirSync(folder).map((name) => {
      const content = readFileSync(join(folder, name))
      const type = contentTypes[extname(name)] ?? 'application/octet-stream'
      if (name !== 'index.html') return [`/${name}`, { type, content }]
      return ['/', { type, content: Buffer.from(content.toString().replace('{{auth-url}}', authUrl)) }]
    }),
  )
}
