import type { FastifyInstance, HTTPMethods } from 'fastify'
import { METHODS } from 'node:http'
import { TransportError } from '../../interface-adapters/http/transport-error.ts'

/** All methods Node can parse. Fastify adds HEAD for each GET, and CONNECT has no path. */
const ALL_METHODS = METHODS.filter((method) => method !== 'HEAD' && method !== 'CONNECT')

/**
 * Records the routes registered from now on. The returned function then makes every other method on their paths respond
 * with 405 and an Allow header (RFC 9110, section 15.5.6).
 */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  for (const method of ALL_METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method)
  }
  const methodsByPath = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByPath.get(url) ?? new Set()
    for (const each of [method].flat()) methods.add(each)
    methodsByPath.set(url, methods)
  })
  return () => {
    for (const [url, served] of [...methodsByPath]) {
      const others: HTTPMethods[] = ALL_METHODS.filter((method) => !served.has(method))
      if (others.length === 0 || url === '*') continue
      const allow = [...served].toSorted()
      const refuse = () => Promise.reject(new TransportError('method_not_allowed', { allow }))
      app.route({
        url,
        method: others,
        onRequest: refuse,
        handler: refuse,
        schema: { hide: true },
        config: { scope: 'none' },
      })
    }
  }
}
