import type { Attributes, Meter } from '@opentelemetry/api'
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { DURATION_BUCKETS } from './buckets.ts'
import { BatchedCounter } from './batched-counter.ts'

/** Any other method is refused everywhere, and must not create labels: a client could invent any number of them. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Those of OpenTelemetry's conventions for HTTP servers, and the listener. A trusted proxy may pass on any scheme of a client. */
const standardAttributes = (listener: string, request: FastifyRequest, status: number): Attributes => ({
  listener,
  'http.request.method': METHODS.has(request.method) ? request.method : '_OTHER',
  ...(request.routeOptions.url !== undefined && { 'http.route': request.routeOptions.url }),
  'http.response.status_code': status,
  'url.scheme': request.protocol === 'https' ? 'https' : 'http',
})

interface RequestLabels extends Record<string, string | number> {
  readonly listener: string
  readonly method: string
  readonly route: string
  readonly status: number
}

/** Returns a plugin for each listener. It counts and times requests by the pattern of their route. */
export function observeRequests(meter: Meter): (listener: string) => FastifyPluginCallback {
  const requests = new BatchedCounter<RequestLabels>(
    meter,
    'chat_auth_http_requests',
    'HTTP requests by route, method and status',
    ({ listener, method, route, status }) => `${listener} ${method} ${status} ${route}`,
  )
  const durations = meter.createHistogram('http.server.request.duration', {
    description: 'From a request until its response was sent',
    unit: 's',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  })
  return (listener) =>
    fastifyPlugin((app, _options, registered) => {
      app.addHook('onResponse', (request, reply, done) => {
        const method = METHODS.has(request.method) ? request.method : 'other'
        const route = request.routeOptions.url
        durations.record(reply.elapsedTime / 1_000, standardAttributes(listener, request, reply.statusCode))
        requests.add(1, { listener, method, route: route ?? 'none', status: reply.statusCode })
        done()
      })
      registered()
    })
}
