// Browser windows on the page, each with a storage of its own, and what their sockets went through.
import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { requireBrowser } from '../../../../scripts/chromium/find-browser.ts'
import { newUser, type TestUser } from '../../../../service/test/support/test-client.ts'
import { recordOpenedBrowser } from '../../../../service/test/support/opened-browsers.ts'

export async function openBrowser(): Promise<Browser> {
  const executablePath = requireBrowser()
  const browser = await chromium.launch({
    executablePath,
    // Chromium refuses to run as root with its sandbox.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })
  recordOpenedBrowser(`Chromium ${browser.version()} (${executablePath})`)
  return browser
}

interface SocketLog {
  opened: number
  closes: { code: number; reason: string }[]
}
declare global {
  var socketLog: SocketLog
}

/** Notes what happens to the sockets of a page, behind its back. Runs in the page. */
function watchSockets(): void {
  globalThis.socketLog = { opened: 0, closes: [] }
  globalThis.WebSocket = class extends WebSocket {
    constructor(url: string | URL) {
      super(url)
      this.addEventListener('open', () => (socketLog.opened += 1))
      this.addEventListener('close', ({ code, reason }) => socketLog.closes.push({ code, reason }))
    }
  }
}

export class Window {
  readonly page: Page
  /** Errors nobody caught, and what the page's own policy kept it from. */
  readonly complaints: string[] = []

  private constructor(page: Page) {
    this.page = page
    // Less than a test may take, so that it can say what it waited for.
    page.setDefaultTimeout(20_000)
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) this.complaints.push(message.text())
    })
  }

  static async open(browser: Browser, url: string, size = { width: 1280, height: 800 }): Promise<Window> {
    const context = await browser.newContext({ viewport: size })
    await context.addInitScript(watchSockets)
    const window = new Window(await context.newPage())
    await window.page.goto(url)
    return window
  }

  /** Creates an account, and waits for the room. */
  async signUp(person: TestUser = newUser()): Promise<TestUser> {
    await this.page.getByText('Create account').first().click()
    await this.page.getByLabel('E-mail').fill(person.email)
    await this.#fillIn(person)
    await this.page.getByRole('button', { name: 'Create account' }).click()
    await this.isConnected()
    return person
  }

  async signIn(person: TestUser): Promise<void> {
    await this.#fillIn(person)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
    await this.isConnected()
  }

  async #fillIn({ username, password }: TestUser): Promise<void> {
    await this.page.getByLabel('Username').fill(username)
    await this.page.getByLabel('Password', { exact: true }).fill(password)
  }

  isConnected = (): Promise<void> => this.page.getByRole('status').getByText('Connected').waitFor()

  isBackAtSignIn = (): Promise<void> => this.page.getByRole('button', { name: 'Sign in' }).waitFor()

  /** Waits for the notice about the end and returns its text. */
  async ending(): Promise<string> {
    const notice = this.page.getByRole('alert').filter({ hasText: 'This session was ended' })
    await notice.waitFor()
    return notice.innerText()
  }

  /** The name of this window in the list of devices. */
  deviceName = (): Promise<string> => this.page.locator('#my-device').innerText()

  async say(text: string): Promise<void> {
    await this.page.getByLabel('Message', { exact: true }).fill(text)
    await this.page.getByRole('button', { name: 'Send' }).click()
  }

  hears = (text: string): Promise<void> =>
    this.page.getByLabel('Messages').getByText(text, { exact: true }).waitFor()

  sockets = (): Promise<SocketLog> => this.page.evaluate(() => socketLog)

  /** Waits for a socket of this window to close with `code`. */
  async closedWith(code: number): Promise<void> {
    await this.page.waitForFunction((wanted) => socketLog.closes.some((close) => close.code === wanted), code)
  }
}
