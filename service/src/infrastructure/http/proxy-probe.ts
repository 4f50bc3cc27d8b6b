import type { FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { clientAddress } from '../../interface-adapters/http/client-address.ts'
import { forwardedAddress } from '../../interface-adapters/http/forwarded-address.ts'
import type { ProbeProofs } from '../crypto/probe-proofs.ts'

/** The header in which the doctor proves that the request is its own. */
export const PROBE_HEADER = 'x-chat-auth-probe'

/** The way of a probe, as the instance saw it that the proxies chose. */
export interface SeenProbe {
  /** The address that the service takes for the client's. */
  readonly client: string
  /** The addresses of `X-Forwarded-For` in their order. */
  readonly forwarded: readonly string[]
  /** The other end of the connection. */
  readonly peer: string
}

/** Tells the doctor of any instance how its request arrived. Others get the usual response. */
export const respondToProbes = (proofs: Pick<ProbeProofs, 'isValid'>): FastifyPluginCallback =>
  fp((app, _options, done) => {
    app.addHook('onRequest', (request, reply, next) => {
      const proof = request.headers[PROBE_HEADER]
      if (typeof proof !== 'string' || !proofs.isValid(proof)) {
        next()
        return
      }
      const { remoteAddress, remotePort } = request.socket
      const chain = String(request.headers['x-forwarded-for'] ?? '').split(',')
      const seen: SeenProbe = {
        client: clientAddress(request).text,
        forwarded: chain.map((entry) => forwardedAddress(entry.trim()) ?? ''),
        peer: `${forwardedAddress(remoteAddress) ?? ''} ${remotePort ?? ''}`,
      }
      // Not the serializer of the route, which has another body.
      void reply.type('application/json').serializer(JSON.stringify).send(seen)
    })
    done()
  })
