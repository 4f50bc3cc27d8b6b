import { AsyncLocalStorage } from 'node:async_hooks'
import {
  defaultTextMapGetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { LogEvent } from 'kysely'
import { ApplicationError } from '../../application/errors.ts'
import type { UseCases } from '../../application/use-cases.ts'
import { describeStatement } from '../postgres/named-statement.ts'
import { aroundUseCases } from './around-use-cases.ts'

/** Called every few seconds by machines. Their spans would fill the collector and show nothing. */
const MONITORING: ReadonlySet<string> = new Set(['/metrics', '/health/live', '/health/ready'])

/** Failures of the service. A refusal is not a failure. */
const FAILURES = ['unavailable', 'internal_error']

/**
 * Spans of requests, their use cases and their statements (OpenTelemetry's semantic conventions). They hold patterns, names
 * and codes, never an address, a value or an error message: those could contain personal data or secrets.
 */
export class Tracing {
  readonly #tracer: Tracer
  readonly #propagator = new W3CTraceContextPropagator()
  readonly #current = new AsyncLocalStorage<Context>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /**
   * A span for each request, except streams, which last for as long as their reader stays, and monitoring. Only callers
   * that `believes` accepts, by the address of the connection, decide about their own traces: a stranger could otherwise
   * have everything sampled, or add spans to the traces of others.
   */
  readonly requests = (believes: (peer: string | undefined) => boolean): FastifyPluginCallback =>
    fastifyPlugin((app, _options, done) => {
      const open = new WeakMap<FastifyRequest, Span>()
      app.addHook('onRequest', (request, _reply, next) => {
        if (MONITORING.has(request.routeOptions.url ?? '')) {
          next()
          return
        }
        const { context, span } = this.#beginRequest(request, believes(request.socket.remoteAddress))
        open.set(request, span)
        // Fastify keeps this context while it reads the body.
        this.#current.run(context, next)
      })
      app.addHook('onResponse', (request, { statusCode }, next) => {
        const span = open.get(request)
        span?.setAttribute('http.response.status_code', statusCode)
        if (statusCode >= 500) {
          span?.setAttribute('error.type', String(statusCode)).setStatus({ code: SpanStatusCode.ERROR })
        }
        span?.end()
        next()
      })
      done()
    })

  /** A span for each use case that a request calls. */
  observeUseCases(useCases: UseCases): UseCases {
    return aroundUseCases(useCases, async (name, call) => {
      const parent = this.#current.getStore()
      if (parent === undefined) return call()
      const span = this.#tracer.startSpan(name, {}, parent)
      try {
        return await this.#current.run(trace.setSpan(parent, span), call)
      } catch (error) {
        const code = error instanceof ApplicationError ? error.code : 'internal_error'
        span.setAttribute('error.type', code)
        if (FAILURES.includes(code)) span.setStatus({ code: SpanStatusCode.ERROR })
        throw error
      } finally {
        span.end()
      }
    })
  }

  /** A span for each statement of a request. To be called after the statement has ended. */
  readonly statement = ({ level, query, queryDurationMillis }: LogEvent): void => {
    const parent = this.#current.getStore()
    if (parent === undefined) return
    const name = describeStatement(query)
    const endTime = Date.now()
    const options = { kind: SpanKind.CLIENT, startTime: endTime - queryDurationMillis }
    const span = this.#tracer.startSpan(name, options, parent)
    span.setAttributes({ 'db.system.name': 'postgresql', 'db.query.summary': name })
    if (level === 'error') span.setAttribute('error.type', 'failed').setStatus({ code: SpanStatusCode.ERROR })
    span.end(endTime)
  }

  #beginRequest(
    { headers, method, routeOptions }: FastifyRequest,
    isBelieved: boolean,
  ): { context: Context; span: Span } {
    const route = routeOptions.url
    const attributes = { 'http.request.method': method, ...(route !== undefined && { 'http.route': route }) }
    const parent = isBelieved
      ? this.#propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
      : ROOT_CONTEXT
    const name = `${method} ${route ?? ''}`.trimEnd()
    const span = this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent)
    return { span, context: trace.setSpan(parent, span) }
  }
}
