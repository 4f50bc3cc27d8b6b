import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { TransportError } from '../transport-error.ts'
import { FRAME_POLICY, framePage, listPage, mailPage, PAGE_POLICY } from './mailbox-pages.ts'
import type { KeptMail, Mailbox } from './mailbox.ts'

/**
 * The page of another site can make its own name lead to this machine (DNS rebinding). Its requests then have that name as
 * their host.
 */
const LOCAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i

/** For a developer with a browser on this machine. The pages hold links that set passwords, so they stay here. */
export const mailboxRoutes =
  (mailbox: Mailbox): FastifyPluginCallback =>
  (app, _options, done) => {
    const options = { schema: { hide: true }, config: { scope: 'none' } } as const
    app.addHook('onRequest', (request, _reply, next) => {
      if (!LOCAL_HOST.test(request.headers.host ?? '')) throw new TransportError('not_found')
      next()
    })

    app.get('/mailbox', options, (_request, reply) => sendPage(reply, listPage(mailbox.list()), PAGE_POLICY))

    app.get('/mailbox/:id', options, (request, reply) =>
      sendPage(reply, mailPage(mailOf(mailbox, request)), PAGE_POLICY),
    )

    app.get('/mailbox/:id/page', options, (request, reply) => {
      void reply.header('x-frame-options', 'SAMEORIGIN')
      return sendPage(reply, framePage(mailOf(mailbox, request)), FRAME_POLICY)
    })

    done()
  }

function mailOf(mailbox: Mailbox, { params }: FastifyRequest): KeptMail {
  const mail = mailbox.find((params as { id: string }).id)
  if (mail === undefined) throw new TransportError('not_found')
  return mail
}

const sendPage = (reply: FastifyReply, page: string, policy: string): FastifyReply =>
  reply
    .header('content-security-policy', policy)
    // The same is set for other routes as cross-origin, because pages of the platform show pictures.
    .header('cross-origin-resource-policy', 'same-origin')
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(page)
