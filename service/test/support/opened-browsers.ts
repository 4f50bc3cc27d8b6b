// Tests record here which browsers they really opened; the closing lines print them.
import { appendFileSync } from 'node:fs'
import { inject } from 'vitest'

/** `name` is, for example, "Chromium 140.0.7339.80 (/usr/bin/chromium)". Other processes write to the same file. */
export const recordOpenedBrowser = (name: string): void =>
  appendFileSync(inject('openedBrowsers'), `${name}\n`)
