// The browser for tests of the status page: Debian's Chromium, headless.
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { serverBinary } from '../support/process.ts'

/** Throws, and so fails the test, if Chromium is missing and cannot be fetched. */
export async function openBrowser(): Promise<Browser> {
  const { path, env } = serverBinary('chromium')
  return chromium.launch({
    executablePath: path,
    env: { ...process.env, ...env },
    // Tests may run as root, and in containers with a small /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
}

export interface Opened {
  readonly page: Page
  /** Errors that the browser has reported: script errors and violations of the content security policy. */
  readonly complaints: readonly string[]
}

export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  await page.goto(address)
  return { page, complaints }
}
