import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'

/** The headers of every response, for browsers and caches. A route may override them. */
export function securityHeaders(publicUrl: string): Readonly<Record<string, string>> {
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
        // Only with TLS; without it browsers must ignore the header (RFC 6797, section 8.1).
        hsts: publicUrl.startsWith('https:') ? { maxAge: 31_536_000, includeSubDomains: false } : false,
        frameguard: { action: 'deny' },
      }),
    ),
    // Responses hold tokens and personal data. The few cacheable routes override this.
    'cache-control': 'no-store',
  }
}

/** Computed once: they never change, and computing them takes longer than sending them. */
function headersSetBy(middleware: ReturnType<typeof helmet>): Record<string, string> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  middleware(request, response, () => undefined)
  return Object.fromEntries(
    Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]),
  )
}
