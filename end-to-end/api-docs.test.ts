// The pages that document both listeners, in a real browser: a developer can try a call and sees its response.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openBrowser } from '../examples/gateway/test/support/windows.ts'
import { startTestService, type TestService } from '../service/test/support/test-service.ts'

// A machine without a browser gets one first.
const INSTALLING_MS = 600_000
const STEP_MS = 60_000

let browser: Awaited<ReturnType<typeof openBrowser>>
let service: TestService
beforeAll(async () => {
  browser = await openBrowser()
  return () => browser.close()
}, INSTALLING_MS)
beforeAll(async () => {
  service = await startTestService('PGlite')
})
afterAll(() => service.stop())

/** The documentation at `url`, and the refusals of its content security policy. */
async function openDocs(url: string) {
  const context = await browser.newContext()
  onTestFinished(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(STEP_MS)
  const refused: string[] = []
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) refused.push(message.text())
  })
  await page.goto(`${url}/docs`)

  const authorize = async (secret: string): Promise<void> => {
    await page.locator('button.authorize').first().click()
    const dialog = page.locator('.modal-ux')
    await dialog.locator('input').first().fill(secret)
    await dialog.locator('button.authorize').first().click()
    await dialog.locator('button.btn-done').first().click()
  }

  /** Presses Try it out and Execute, and returns the response that the page shows. */
  const execute = async (method: string, path: string) => {
    const operation = page
      .locator(`.opblock-${method}`)
      .filter({ has: page.locator(`[data-path="${path}"]`) })
    await operation.locator('.opblock-summary-control').click()
    await operation.locator('button.try-out__btn').click()
    await operation.locator('button.execute').click()
    const response = operation.locator('.live-responses-table tr.response')
    const status = await response.locator('td.response-col_status').innerText()
    return { status: status.trim(), body: await response.locator('.highlight-code').first().innerText() }
  }
  return { authorize, execute, refused }
}

describe('the documentation in a browser', () => {
  test('a call without a key on the public page shows its response', async () => {
    const { execute, refused } = await openDocs(service.url)
    const { status, body } = await execute('get', '/.well-known/jwks.json')
    expect(status).toBe('200')
    expect(body).toContain('"keys"')
    expect(refused).toEqual([])
  })

  test('a call with an access token on the public page shows its response', async () => {
    const person = await service.client().register()
    const { access_token: token } = await service.client().signIn(person)
    const { authorize, execute, refused } = await openDocs(service.url)
    await authorize(token)
    const { status, body } = await execute('get', '/v1/users/me')
    expect(status).toBe('200')
    expect(body).toContain(person.username)
    expect(refused).toEqual([])
  })

  test('a call that needs a token shows the refusal without one', async () => {
    const { execute } = await openDocs(service.url)
    const { status, body } = await execute('get', '/v1/users/me')
    expect(status).toContain('401')
    expect(body).toContain('authentication_required')
  })

  test('a call without a key on the internal page shows its response', async () => {
    const { execute, refused } = await openDocs(service.internalUrl)
    const { status, body } = await execute('get', '/.well-known/jwks.json')
    expect(status).toBe('200')
    expect(body).toContain('"keys"')
    expect(refused).toEqual([])
  })

  test.each([
    ['/v1/keys', '"kid"'],
    // It has filters that exclude each other, and a cursor.
    ['/v1/users', '"items"'],
  ])('a call of %s with a service key on the internal page shows its response', async (path, part) => {
    const { authorize, execute, refused } = await openDocs(service.internalUrl)
    await authorize(service.serviceKey)
    const { status, body } = await execute('get', path)
    expect(status).toBe('200')
    expect(body).toContain(part)
    expect(refused).toEqual([])
  })
})
