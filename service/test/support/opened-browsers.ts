// Which browsers tests really opened: written down by them, read by the closing lines.
import { appendFileSync } from 'node:fs'
import { inject } from 'vitest'

/** `name` as in "Chromium 140.0.7339.80 (/usr/bin/chromium)". Other processes write to the same file. */
export const recordOpenedBrowser = (name: string): void =>
  appendFileSync(inject('openedBrowsers'), `${name}\n`)
