import type { FastifyPluginCallback } from 'fastify'

/** A file of the pages that links in mails open. */
export interface PageFile {
  readonly path: string
  readonly type: string
  readonly content: string
}

/** Only files of this service, and calls to it. A page in the page of somebody else could steal the click. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The pages that links in mails open. They change nothing: their scripts call the API after a click. */
export const pageRoutes =
  (files: readonly PageFile[]): FastifyPluginCallback =>
  (app, _options, done) => {
    for (const { path, type, content } of files) {
      app.get(path, { schema: { hide: true } }, (_request, reply) =>
        reply.type(type).header('content-security-policy', POLICY).send(content),
      )
    }
    done()
  }
