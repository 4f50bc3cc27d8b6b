import type { Meter } from '@opentelemetry/api'
import type { FastifyPluginCallback } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { forwardedAddress } from '../../interface-adapters/http/forwarded-address.ts'

/** More than an installation has proxies. The others are clients that send the header themselves. */
const REMEMBERED = 100

export interface UntrustedProxies {
  readonly plugin: FastifyPluginCallback
  /** Addresses that sent `X-Forwarded-For` since the start and are not trusted, at most 100 of them. */
  readonly peers: () => readonly string[]
}

/**
 * Notices a proxy that is missing in `TRUSTED_PROXIES`: all of its users would share one address and its limits. A request
 * that carries `X-Forwarded-For` from elsewhere is counted, and each address is logged once.
 */
export function observeUntrustedProxies(
  meter: Meter,
  isTrusted: (peer: string | undefined) => boolean,
): UntrustedProxies {
  const requests = meter.createCounter('chat_auth_untrusted_proxy_requests', {
    description: 'Requests with X-Forwarded-For from an address that is not in TRUSTED_PROXIES',
  })
  requests.add(0)
  const peers = new Set<string>()
  const plugin: FastifyPluginCallback = fastifyPlugin((app, _options, done) => {
    app.addHook('onRequest', (request, _reply, next) => {
      const { remoteAddress } = request.socket
      if (request.headers['x-forwarded-for'] !== undefined && !isTrusted(remoteAddress)) {
        requests.add(1)
        const peer = forwardedAddress(remoteAddress)
        if (peer !== undefined && !peers.has(peer) && peers.size < REMEMBERED) {
          peers.add(peer)
          request.log.warn({ event: 'proxy.untrusted', peer })
        }
      }
      next()
    })
    done()
  })
  return { plugin, peers: () => [...peers] }
}
