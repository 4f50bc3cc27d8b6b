import type { Meter } from '@opentelemetry/api'
import type { FastifyPluginCallback } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { DURATION_BUCKETS } from './buckets.ts'
import { Tally } from './tally.ts'

/** Others exist and are refused everywhere; who sends them shall not make metrics grow. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

interface Answered extends Record<string, string | number> {
  readonly listener: string
  readonly method: string
  readonly route: string
  readonly status: number
}

/** For each listener: counts its requests and times them, by the route's pattern. */
export function observeRequests(meter: Meter): (listener: string) => FastifyPluginCallback {
  const requests = new Tally<Answered>(
    meter,
    'chat_auth_http_requests',
    'Requests by route, method and status',
    ({ listener, method, route, status }) => `${listener} ${method} ${status} ${route}`,
  )
  const durations = meter.createHistogram('chat_auth_http_request_duration_seconds', {
    description: 'From a request until its answer was sent, by route and method',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  })
  return (listener) =>
    fastifyPlugin((app, _options, done) => {
      app.addHook('onResponse', (request, reply, answered) => {
        const method = METHODS.has(request.method) ? request.method : 'other'
        const place = { listener, method, route: request.routeOptions.url ?? 'none' }
        durations.record(reply.elapsedTime / 1_000, place)
        requests.add(1, { ...place, status: reply.statusCode })
        answered()
      })
      done()
    })
}
