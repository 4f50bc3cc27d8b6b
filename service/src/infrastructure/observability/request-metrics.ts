import type { Meter } from '@opentelemetry/api'
import type { FastifyPluginCallback } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { DURATION_BUCKETS } from './buckets.ts'
import { BatchedCounter } from './batched-counter.ts'

/** Any other method is refused everywhere, and must not create labels: a client could invent any number of them. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

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
  const durations = meter.createHistogram('chat_auth_http_request_duration_seconds', {
    description: 'From a request until its response was sent, by route and method',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  })
  return (listener) =>
    fastifyPlugin((app, _options, registered) => {
      app.addHook('onResponse', (request, reply, done) => {
        const method = METHODS.has(request.method) ? request.method : 'other'
        const labels = { listener, method, route: request.routeOptions.url ?? 'none' }
        durations.record(reply.elapsedTime / 1_000, labels)
        requests.add(1, { ...labels, status: reply.statusCode })
        done()
      })
      registered()
    })
}
