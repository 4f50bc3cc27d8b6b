import type { FastifyInstance, HTTPMethods } from 'fastify'
import { METHODS } from 'node:http'
import { TransportError } from '../interface-adapters/http/problem-details.ts'

/** All that Node can read. HEAD comes with GET, and CONNECT is no request for a path. */
const ALL_METHODS = METHODS.filter((method) => method !== 'HEAD' && method !== 'CONNECT')

/**
 * Notes the routes that are registered from now on; the function it answers then refuses every other method on their
 * paths with 405 and an Allow header (RFC 9110, section 15.5.6).
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
      const refuse = () => Promise.reject(new TransportError('method_not_allowed', allow))
      app.route({ url, method: others, onRequest: refuse, handler: refuse, schema: { hide: true } })
    }
  }
}
