import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'

/** What every answer says about itself to browsers and caches; a route may say otherwise. */
export function answerHeaders(publicUrl: string): Readonly<Record<string, string>> {
  return {
    ...headersSetBy(
      helmet({
        contentSecurityPolicy: {
          useDefaults: false,
          directives: {
            defaultSrc: ["'none'"],
            frameAncestors: ["'none'"],
            baseUri: ["'none'"],
            formAction: ["'none'"],
          },
        },
        crossOriginResourcePolicy: { policy: 'cross-origin' },
        // Only where browsers reach us over TLS; elsewhere they must ignore it (RFC 6797, section 8.1).
        hsts: publicUrl.startsWith('https:') ? { maxAge: 31_536_000, includeSubDomains: false } : false,
        frameguard: { action: 'deny' },
      }),
    ),
    // Answers hold tokens and personal data; the few that may be kept say so themselves.
    'cache-control': 'no-store',
  }
}

/** They are the same for every answer, and to work them out takes longer than to send them. */
function headersSetBy(middleware: ReturnType<typeof helmet>): Record<string, string> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  middleware(request, response, () => undefined)
  return Object.fromEntries(
    Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]),
  )
}
