import { request as send, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DevMailbox } from '../../../../src/infrastructure/mail/dev-mailbox.ts'
import type { Mail } from '../../../../src/infrastructure/mail/mailer.ts'
import { framePage, mailPage } from '../../../../src/interface-adapters/http/internal/mailbox-pages.ts'
import { at } from '../../../support/builders.ts'
import type { TestUser } from '../../../support/test-client.ts'
import { startTestService, type TestService } from '../../../support/test-service.ts'

interface Page {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let service: TestService
let user: TestUser
beforeAll(async () => {
  service = await startTestService('PGlite')
  user = await service.client().register()
  await service.service.outbox.settle()
})
afterAll(() => service.stop())

/** As a browser sends it. `fetch` does not let the host differ from the address. */
function get(path: string, headers: Record<string, string> = {}): Promise<Page> {
  return new Promise((resolve, reject) => {
    const request = send(service.internalUrl + path, { headers }, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode, headers: response.headers, body }),
        reject,
      )
    })
    request.on('error', reject).end()
  })
}

const pathOf = async (): Promise<string> => /\/mailbox\/[\w-]+/.exec((await get('/mailbox')).body)?.[0] ?? ''

describe('the dev mailbox', () => {
  test('the mailbox lists the mails, and shows each as page and as text, with links', async () => {
    const list = await get('/mailbox')
    expect(list.status).toBe(200)
    expect(list.body).toContain('Verify your e-mail address for chat-auth')
    expect(list.body).toContain(user.email)
    const path = await pathOf()
    const mail = await get(path)
    expect(mail.status).toBe(200)
    expect(mail.body).toContain(`src="${path}/page"`)
    const link = /<a href="(http:\/\/localhost:8000\/verify-email#token=[\w-]+)" target="_blank"/.exec(
      mail.body,
    )?.[1]
    const page = await get(`${path}/page`)
    expect(page.body).toContain(`href="${link ?? 'no link'}"`)
    expect(page.body).toContain('<h1')
  })

  test('the link of a mail in the mailbox verifies the address', async () => {
    const mail = await get(await pathOf())
    const token = /#token=([\w-]+)/.exec(mail.body)?.[1]
    const response = await service.client().post('/v1/email-verifications/complete', { token })
    expect(response.status).toBe(204)
  })

  test('the banner names the mailbox', () => {
    expect(service.service.banner).toContain(`${service.internalUrl}/mailbox`)
  })

  test.each([
    'evil.example',
    'evil.example:8010',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.5:8010',
    '[fe80::1]:8010',
    'localhost:8010@evil.example',
    '2130706433',
  ])(
    'the mailbox is hidden from the host %s, which may be the name of an attacker',
    { tags: ['MAIL-4'] },
    async (host) => {
      const path = await pathOf()
      for (const each of ['/mailbox', path, `${path}/page`]) {
        const { status, body } = await get(each, { host })
        expect(status).toBe(404)
        expect(body).not.toContain(user.email)
        expect(body).not.toContain('token=')
      }
    },
  )

  test.each(['localhost:8010', 'LOCALHOST', '127.0.0.1', '[::1]:8010'])(
    'the mailbox is shown for the local host %s',
    async (host) => expect((await get('/mailbox', { host })).status).toBe(200),
  )

  test(
    'no other origin may read or frame the mailbox, and no cache keeps it',
    { tags: ['MAIL-4'] },
    async () => {
      const path = await pathOf()
      for (const each of ['/mailbox', path, `${path}/page`]) {
        const { headers } = await get(each, { origin: 'https://evil.example' })
        expect(headers['access-control-allow-origin']).toBeUndefined()
        expect(headers).toMatchObject({
          'cache-control': 'no-store',
          'cross-origin-resource-policy': 'same-origin',
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff',
          'content-type': 'text/html; charset=utf-8',
        })
      }
      for (const each of ['/mailbox', path]) {
        const { headers } = await get(each)
        expect(headers['x-frame-options']).toBe('DENY')
        expect(headers['content-security-policy']).toMatch(
          /^default-src 'none'; style-src 'sha256-[\w+/]+='; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
        )
      }
    },
  )

  test('a mail is framed without scripts, and only by the mailbox', { tags: ['MAIL-6'] }, async () => {
    const path = await pathOf()
    const { headers } = await get(`${path}/page`)
    expect(headers['x-frame-options']).toBe('SAMEORIGIN')
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; " +
        'sandbox allow-popups allow-popups-to-escape-sandbox',
    )
    const { body } = await get(path)
    expect(body).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"')
    expect(body).not.toMatch(/<script|\son\w+=/i)
  })

  test('unknown mails are not found, and the mailbox takes nothing', async () => {
    expect((await get('/mailbox/nothing')).status).toBe(404)
    expect((await get('/mailbox/nothing/page')).status).toBe(404)
    const response = await fetch(`${service.internalUrl}/mailbox`, { method: 'POST' })
    expect(response.status).toBe(405)
  })

  test('the mailbox is not part of the documented API', async () => {
    const response = await fetch(`${service.internalUrl}/openapi.json`)
    expect(await response.text()).not.toContain('mailbox')
  })

  test('a service with PostgreSQL has no mailbox', { tags: ['MAIL-4'] }, async () => {
    const other = await startTestService('PostgreSQL')
    expect((await fetch(`${other.internalUrl}/mailbox`)).status).toBe(404)
    expect(other.service.banner).not.toContain('mailbox')
    await other.stop()
  })
})

describe('the mails that are kept', () => {
  const aMail = (changes: Partial<Mail> = {}): Mail => ({
    id: '1',
    to: 'anna@example.org',
    subject: 'Hello',
    text: 'text',
    html: '<html><head><title>x</title></head><p>page</p></html>',
    sentAt: at(0),
    ...changes,
  })

  test('the mailbox keeps the latest hundred mails, newest first, each once', async () => {
    const mailbox = new DevMailbox()
    for (let number = 1; number <= 101; number += 1) await mailbox.send(aMail({ id: String(number) }))
    await mailbox.send(aMail({ id: '50', subject: 'again' }))
    expect(mailbox.list()).toHaveLength(100)
    expect(mailbox.list()[0]).toMatchObject({ id: '50', subject: 'again' })
    expect(mailbox.list().at(-1)?.id).toBe('2')
    expect(mailbox.find('1')).toBeUndefined()
  })

  test('markup in a mail stays text on the page around it', { tags: ['MAIL-6'] }, () => {
    const odd = '"><script>alert(1)</script>&'
    const page = mailPage(
      aMail({ id: odd, to: odd, subject: odd, text: `${odd} https://a.example/"onclick=x` }),
    )
    expect(page).not.toMatch(/<script|"onclick/)
    expect(page).toContain('<a href="https://a.example/&quot;onclick=x"')
  })

  test('links of a mail open in a new tab, whatever its template says', () => {
    expect(framePage(aMail())).toContain('<head><base target="_blank"><title>')
  })
})
