// The pages that links in mails open, in a real browser, by the keyboard alone.
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openBrowser } from '../examples/gateway/test/support/windows.ts'
import type { MailLinkContent } from '../service/src/application/ports/mail-links.ts'
import type { SessionId } from '../service/src/domain/session.ts'
import type { UserId } from '../service/src/domain/user.ts'
import { HmacMailLinks } from '../service/src/infrastructure/crypto/hmac-mail-links.ts'
import { newUser, type TestUser } from '../service/test/support/test-client.ts'
import { startTestService, testSecret, type TestService } from '../service/test/support/test-service.ts'

// A machine without a browser gets one first.
const INSTALLING_MS = 600_000
const STEP_MS = 60_000
const HOUR_MS = 3_600_000

let browser: Awaited<ReturnType<typeof openBrowser>>
let service: TestService
beforeAll(async () => {
  browser = await openBrowser()
  return () => browser.close()
}, INSTALLING_MS)
beforeAll(async () => {
  service = await startTestService('PGlite', { AUTH_SECRET: testSecret, BRAND_NAME: 'Tom & <b>Ann</b>' })
})
afterAll(() => service.stop())

let complaints: string[] = []
afterEach(() => {
  expect(complaints).toEqual([])
})

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

const tokenFor = ({ id }: TestUser, purpose: DistributiveOmit<MailLinkContent, 'userId' | 'expiresAt'>) =>
  new HmacMailLinks({ current: testSecret, previous: [] }).issue({
    ...purpose,
    userId: id as UserId,
    expiresAt: new Date(Date.now() + HOUR_MS),
  })

async function open(path: string, colorScheme: 'dark' | 'light' = 'light', width = 360): Promise<Page> {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 720 } })
  onTestFinished(() => context.close())
  complaints = []
  const page = await context.newPage()
  page.setDefaultTimeout(STEP_MS)
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text())
  })
  await page.goto(service.url + path)
  return page
}

/** Waits until the page shows this, with the focus on it, and nothing that axe finds fault with. */
async function shows(page: Page, heading: string): Promise<void> {
  await page.getByRole('heading', { name: heading }).waitFor()
  expect(await page.evaluate('document.activeElement.textContent')).toBe(heading)
  expect(await page.title()).toBe(`${heading} · Tom & <b>Ann</b>`)
  await isAccessible(page)
}

async function isAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source)
  const violations = await page.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes[0].html))',
  )
  expect(violations).toEqual([])
  const overflow = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')
  expect(overflow).toBeLessThanOrEqual(0)
}

const FOCUSED = '(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()'

/** Presses Tab until the focus is on the button or field with this name. */
async function tabTo(page: Page, name: string): Promise<void> {
  const passed: unknown[] = []
  while (passed.length < 9 && passed.at(-1) !== name) {
    await page.keyboard.press('Tab')
    passed.push(await page.evaluate(FOCUSED))
  }
  expect(passed.at(-1), passed.join(', ')).toBe(name)
}

const press = async (page: Page, button: string): Promise<void> => {
  await tabTo(page, button)
  await page.keyboard.press('Enter')
}

const userRow = (id: number) =>
  service.service.db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

describe('the pages that links open', () => {
  test(
    'a new password is requested, refused if it is weak, set, and signs in',
    { tags: ['RESET-12'] },
    async () => {
      const person = await service.client().register()
      const request = await open('/reset', 'dark')
      await shows(request, 'Forgot your password?')
      await tabTo(request, 'E-mail address')
      await request.keyboard.type('no address')
      await request.keyboard.press('Enter')
      await request.getByText('Must not contain spaces').waitFor()
      await isAccessible(request)
      await request.getByLabel('E-mail address').fill(person.email)
      await request.keyboard.press('Enter')
      await shows(request, 'Look at your mail')

      const token = tokenFor(person, { purpose: 'reset_password', passwordVersion: 1 })
      const page = await open(`/reset#token=${token}`)
      await shows(page, 'Set a new password')
      expect(page.url()).toBe(`${service.url}/reset`)
      await tabTo(page, 'New password')
      await page.keyboard.type('password')
      await page.keyboard.press('Enter')
      await page.locator('#password-error').filter({ hasText: /./ }).waitFor()
      expect(await page.getByLabel('New password').getAttribute('aria-invalid')).toBe('true')
      await isAccessible(page)
      await page.reload()
      await shows(page, 'Set a new password')

      await page.route('**/complete', (route) => route.abort())
      const { password } = newUser()
      await page.getByLabel('New password').fill(password)
      await page.keyboard.press('Enter')
      await page.getByRole('alert').filter({ hasText: 'cannot be reached' }).waitFor()
      await isAccessible(page)
      await page.unroute('**/complete')
      await press(page, 'Set the password')
      await shows(page, 'Your new password is set')
      await service.client().signIn({ ...person, password })

      const again = await open(`/reset#token=${token}`)
      await again.getByLabel('New password').fill(newUser().password)
      await again.keyboard.press('Enter')
      await shows(again, 'This link no longer works')
      await press(again, 'Get a new link')
      await shows(again, 'Forgot your password?')
    },
  )

  test('while the request is in progress the button says so, and a second press sends nothing', async () => {
    const person = await service.client().register()
    const token = tokenFor(person, { purpose: 'verify_email', emailVersion: 1 })
    const page = await open(`/verify-email#token=${token}`, 'dark')
    const { promise: held, resolve: release } = Promise.withResolvers<undefined>()
    let requests = 0
    await page.route('**/complete', async (route) => {
      requests += 1
      await held
      await route.continue()
    })
    await press(page, 'Confirm the address')
    await page.getByRole('button', { name: 'Confirming…' }).waitFor()
    await isAccessible(page)
    await page.keyboard.press('Enter')
    release(undefined)
    await shows(page, 'Your address is confirmed')
    expect(requests).toBe(1)
  })

  test('an address is verified by a click, not by opening the link', { tags: ['RESET-12'] }, async () => {
    const person = await service.client().register()
    const token = tokenFor(person, { purpose: 'verify_email', emailVersion: 1 })
    const page = await open(`/verify-email#token=${token}`)
    await shows(page, 'Confirm your e-mail address')
    expect(await userRow(person.id)).toMatchObject({ email_verified: false })
    await press(page, 'Confirm the address')
    await shows(page, 'Your address is confirmed')
    expect(await userRow(person.id)).toMatchObject({ email_verified: true })

    const second = await service.client().register({ email: person.email })
    const taken = await open(
      `/verify-email#token=${tokenFor(second, { purpose: 'verify_email', emailVersion: 1 })}`,
    )
    await press(taken, 'Confirm the address')
    await shows(taken, 'Another account has this address')
    await shows(await open('/verify-email'), 'This link no longer works')
  })

  test('a changed address is taken back', { tags: ['RESET-12'] }, async () => {
    const person = await service.client().register()
    const verify = tokenFor(person, { purpose: 'verify_email', emailVersion: 1 })
    await service.client().post('/v1/email-verifications/complete', { token: verify })
    const { access_token: stolen } = await service.client().signIn(person)
    await service.client().patch('/v1/users/me', { email: newUser().email }, stolen)
    const token = tokenFor(person, { purpose: 'undo_email_change', emailVersion: 2 })
    const page = await open(`/undo-email-change#token=${token}`, 'light', 1_000)
    await shows(page, 'Take your e-mail address back')
    await press(page, 'Restore my address')
    await shows(page, 'Your earlier address is back')
    expect(await userRow(person.id)).toMatchObject({ email: person.email, email_verified: true })
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await shows(page, 'Forgot your password?')
  })

  test('a session is ended', { tags: ['RESET-12'] }, async () => {
    const person = await service.client().register()
    const { session, access_token: token } = await service.client().signIn(person)
    const link = tokenFor(person, { purpose: 'end_session', sessionId: session.id as SessionId })
    const page = await open(`/end-session#token=${link}`, 'dark', 1_000)
    await shows(page, 'Sign out that device')
    expect((await service.client().get('/v1/users/me', token)).status).toBe(200)
    await press(page, 'Sign it out')
    await shows(page, 'That device is signed out')
    expect(await service.client().get('/v1/users/me', token)).toMatchObject({
      status: 401,
      body: { code: 'session_ended', reason: 'terminated' },
    })
  })
})
