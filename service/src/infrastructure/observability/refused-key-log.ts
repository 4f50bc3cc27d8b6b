import type { Meter } from '@opentelemetry/api'
import type { FastifyRequest } from 'fastify'
import type { Clock } from '../../application/ports/clock.ts'
import { clientAddress } from '../../interface-adapters/http/client-address.ts'

const LINES_PER_MINUTE = 10
const MINUTE_MS = 60_000

/**
 * Counts requests with a missing or wrong service key, and logs where they come from, never the key. Ten lines a minute at
 * most, so that a flood of them does not hide the rest of the log; the first line of a minute says how many were left out.
 */
export function observeRefusedKeys(meter: Meter, clock: Clock) {
  const refusals = meter.createCounter('chat_auth_service_key_refusals', {
    description: 'Requests of the internal listener with a missing or wrong service key',
  })
  for (const reason of ['missing', 'wrong']) refusals.add(0, { reason })
  let [minute, lines, leftOut] = [0, 0, 0]
  return (request: FastifyRequest, reason: 'missing' | 'wrong'): void => {
    refusals.add(1, { reason })
    const now = Math.floor(+clock.now() / MINUTE_MS)
    if (now !== minute) [minute, lines] = [now, 0]
    if (lines >= LINES_PER_MINUTE) {
      leftOut += 1
      return
    }
    lines += 1
    const ip = clientAddress(request).text
    const route = request.routeOptions.url
    request.log.warn({ event: 'service_key.refused', reason, ip, route, left_out: leftOut })
    leftOut = 0
  }
}
