import type { FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { clientAddress } from '../../interface-adapters/http/client-address.ts'
import { forwardedAddress } from '../../interface-adapters/http/forwarded-address.ts'
import { PROBE_HEADER, type SeenProbe } from '../../interface-adapters/http/seen-probe.ts'

/** Tells the doctor of any instance how its request arrived. Others get the usual response. */
export const respondToProbes = (proofs: { isValid(proof: string): boolean }): FastifyPluginCallback =>
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
