import type { Browser } from 'playwright-core'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { DemoProcess } from './support/demo-process.ts'
import { openBrowser, Window } from './support/windows.ts'

// The shortest there is, so that tokens run out while somebody watches.
const ACCESS_TOKEN_TTL = '10s'

let demo: DemoProcess
let browser: Browser
let windows: Window[] = []

// A machine without a browser gets one first.
const INSTALLING_MS = 600_000

beforeAll(async () => {
  browser = await openBrowser()
  return () => browser.close()
}, INSTALLING_MS)
beforeAll(async () => {
  demo = await new DemoProcess({ ACCESS_TOKEN_TTL }).ready()
  return () => demo.stop()
})
afterEach(async () => {
  const opened = windows
  windows = []
  expect(opened.flatMap(({ complaints }) => complaints)).toEqual([])
  await Promise.all(opened.map(({ page }) => page.context().close()))
})

const openWindow = async (): Promise<Window> => {
  const window = await Window.open(browser, demo.url)
  windows.push(window)
  return window
}

/** Two windows of one user, each with a session of its own. */
const twoWindows = async () => {
  const [a, b] = [await openWindow(), await openWindow()]
  const person = await a.signUp()
  await b.signIn(person)
  return { a, b, person }
}

test('ending a session from another window closes its socket with 4401, and its page says so', async () => {
  const { a, b } = await twoWindows()
  await a.page.getByRole('button', { name: `End ${await b.deviceName()}` }).click()
  await b.closedWith(4401)
  expect((await b.sockets()).closes).toEqual([{ code: 4401, reason: 'session ended' }])
  expect(await b.ending()).toMatch(/ended from another of your devices.*4401/s)
  await b.isBackAtSignIn()

  await a.say('still here')
  await a.hears('still here')
  expect(await a.sockets()).toEqual({ opened: 1, closes: [] })
})

test('ending a session long after the sign-in asks for the password, and then ends it', async () => {
  const { a, b, person } = await twoWindows()
  let isRecent = false
  await a.page.route('**/v1/sessions/*', (route) => {
    if (isRecent || route.request().method() !== 'DELETE') return route.continue()
    return route.fulfill({
      status: 401,
      headers: { 'access-control-allow-origin': '*' },
      contentType: 'application/problem+json',
      body: JSON.stringify({ code: 'reauthentication_required', detail: 'Enter your password.' }),
    })
  })
  await a.page.getByRole('button', { name: `End ${await b.deviceName()}` }).click()
  const dialog = a.page.getByRole('dialog')
  const enter = async (password: string) => {
    await dialog.getByLabel('Current password').fill(password)
    await dialog.getByRole('button', { name: 'Continue' }).click()
  }
  await enter('not my password')
  await dialog.getByText('This is not your current password.').waitFor()
  isRecent = true
  await enter(person.password)
  await b.closedWith(4401)
  await b.isBackAtSignIn()
  // The new tokens replaced those of the socket, which comes back with them.
  await a.isConnected()
  await a.say('still here')
  await a.hears('still here')
})

test('what one window says the other hears, under the name chat-auth knows', async () => {
  const { a, b, person } = await twoWindows()
  const c = await openWindow()
  await c.signUp()
  await a.say('<b>hello</b>')
  await Promise.all([b, c].map((window) => window.hears('<b>hello</b>')))
  await c.page.getByLabel('Messages').getByText(person.username).waitFor()
})

test('signing out leaves the other window alone', async () => {
  const { a, b } = await twoWindows()
  await a.page.getByRole('button', { name: 'Sign out' }).click()
  await a.isBackAtSignIn()
  expect(await a.page.getByText('This session was ended').isVisible()).toBe(false)
  await b.page.getByText('on 1 device', { exact: false }).waitFor()
  await b.say('alone now')
  await b.hears('alone now')
  expect((await b.sockets()).closes).toEqual([])
})

test('a sign-out is not shown as an ended session, even if the socket closes first', async () => {
  const window = await openWindow()
  await window.signUp()
  await window.page.route('**/v1/sessions/current', async (route) => {
    const response = await route.fetch()
    if (route.request().method() === 'DELETE') await window.closedWith(4401)
    await route.fulfill({ response })
  })
  await window.page.getByRole('button', { name: 'Sign out' }).click()
  await window.isBackAtSignIn()
  // The page may be there before its response, which arrives as long as it is open.
  await window.page.unrouteAll({ behavior: 'wait' })
  expect(await window.page.getByText('This session was ended').isVisible()).toBe(false)
})

test('a ban drops every window of that user and no other', async () => {
  const { a, b } = await twoWindows()
  const bystander = await openWindow()
  await bystander.signUp()
  await demo.ban(await userIdIn(a))
  for (const window of [a, b]) {
    await window.closedWith(4401)
    expect(await window.ending()).toMatch(/disabled by an operator/)
  }
  await bystander.say('hello?')
  await bystander.hears('hello?')
  expect((await bystander.sockets()).closes).toEqual([])
})

test('a token renewed in-band keeps the socket past the expiry of the first', async () => {
  const window = await openWindow()
  await window.signUp()
  // Each is good for 10 s and renewed after 6.7 s: the second renewal is later than the first token lasts.
  const renewals = window.page.getByText('New token sent in-band')
  await renewals.nth(1).waitFor()
  await window.say('the same socket')
  await window.hears('the same socket')
  expect(await window.sockets()).toEqual({ opened: 1, closes: [] })
})

test('a window that slept through its renewal gets 4408, and is back with a new token', async () => {
  const window = await openWindow()
  // The timers of the page stand still from here on.
  await window.page.clock.install()
  await window.page.clock.pauseAt(Date.now() + 60_000)
  await window.signUp()
  await window.closedWith(4408)
  await window.page.waitForFunction(() => socketLog.opened === 2)
  await window.isConnected()
  await window.say('back again')
  await window.hears('back again')
})

test('sockets close with 4503 while chat-auth is down, and reconnect afterwards', async () => {
  const window = await openWindow()
  await window.signUp()
  process.kill(demo.authPid, 'SIGSTOP')
  try {
    await window.closedWith(4503)
    await window.page.getByRole('status').getByText('Reconnecting').waitFor()
  } finally {
    process.kill(demo.authPid, 'SIGCONT')
  }
  await window.isConnected()
  await window.say('here we are')
  await window.hears('here we are')
})

test('a reload keeps the session, and opens a socket with a new ticket', async () => {
  const window = await openWindow()
  await window.signUp()
  const name = await window.deviceName()
  await window.page.reload()
  await window.isConnected()
  expect(await window.deviceName()).toBe(name)
  await window.page.getByText('This one').waitFor()
  expect(await window.page.getByRole('button', { name: /^End / }).count()).toBe(0)
})

test('what is wrong with a form stands next to its field', async () => {
  const window = await openWindow()
  const { page } = window
  await page.getByText('Create account').first().click()
  await page.getByLabel('Username').fill('a')
  await page.getByLabel('Password', { exact: true }).fill('12345678')
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.locator('#username-problem').filter({ hasText: /\w/ }).waitFor()
  expect(await page.getByLabel('Username').getAttribute('aria-invalid')).toBe('true')
})

async function userIdIn(window: Window): Promise<number> {
  return window.page.evaluate(() => {
    const stored = sessionStorage.getItem('chat-auth-demo') ?? ''
    const { access_token } = JSON.parse(stored) as { access_token: string }
    const payload = access_token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? ''
    return (JSON.parse(atob(payload)) as { user_id: number }).user_id
  })
}
