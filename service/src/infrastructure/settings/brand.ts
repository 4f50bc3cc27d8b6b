import type { SettingsReader } from './settings-reader.ts'

/** How users know the platform, in mails and on pages. */
export interface Brand {
  readonly brandName: string
  /** As #rrggbb, in small letters. */
  readonly brandColor: string
}

const COLOR = /^#?([0-9a-f]{6})$/i

export function readBrand(settings: SettingsReader): Brand {
  return { brandName: settings.text('BRAND_NAME') ?? 'chat-auth', brandColor: readColor(settings) }
}

/** Without # by default: most readers of .env take it for the start of a comment. */
function readColor(settings: SettingsReader): string {
  const text = settings.text('BRAND_COLOR') ?? '2563eb'
  const digits = COLOR.exec(text)?.[1]
  if (digits === undefined)
    settings.refuse('BRAND_COLOR', `must be six hexadecimal digits, such as 2563eb, not "${text}"`)
  return `#${(digits ?? '000000').toLowerCase()}`
}
