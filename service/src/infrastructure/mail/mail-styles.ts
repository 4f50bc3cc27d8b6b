const FONT = "-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"

/** Inline styles for templates, because not every mail program reads a style sheet. */
export const mailStyles = (color: string): Readonly<Record<string, string>> => ({
  heading: `margin: 0 0 16px; font: 600 22px/30px ${FONT}; color: #111827;`,
  text: `margin: 0 0 16px; font: 400 16px/24px ${FONT}; color: #374151; overflow-wrap: anywhere;`,
  strong: 'font-weight: 600; color: #111827;',
  small: `margin: 0; font: 400 13px/20px ${FONT}; color: #6b7280;`,
  button_box: 'margin: 8px 0 24px; border-collapse: separate;',
  button: `border-radius: 6px; background: ${color};`,
  button_link: `display: inline-block; padding: 12px 24px; font: 600 16px/20px ${FONT}; color: ${readableOn(color)}; text-decoration: none; border-radius: 6px;`,
  link: 'color: inherit; overflow-wrap: anywhere; word-break: break-all;',
  facts: 'margin: 0 0 20px; border-collapse: separate; border-radius: 6px; background: #f3f4f6;',
  fact_name: `padding: 8px 8px 8px 16px; font: 400 14px/20px ${FONT}; color: #6b7280; vertical-align: top; white-space: nowrap;`,
  fact: `width: 100%; padding: 8px 16px 8px 8px; font: 600 14px/20px ${FONT}; color: #111827; overflow-wrap: anywhere;`,
})

/** Black or white, whichever has the higher contrast (WCAG 2.2, 1.4.3). */
function readableOn(color: string): string {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) =>
    linear(Number.parseInt(color.slice(at, at + 2), 16)),
  )
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
  return luminance > 0.179 ? '#000000' : '#ffffff'
}

/** A part of a colour, from 0 to 255, as light. */
function linear(part: number): number {
  const share = part / 255
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
}
