/** A number with three significant digits: `7,410`, `1.04`, `0.123`. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

export const milliseconds = (value: number): string => `${readable(value)} ms`
