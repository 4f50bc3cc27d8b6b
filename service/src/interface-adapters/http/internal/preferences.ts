/**
 * Whether a Prefer header has this preference (RFC 7240): one of several, in any case, with parameters, and with its value in
 * quotes or not.
 */
export const prefers = (header: string | string[] | undefined, name: string, value: string): boolean =>
  [header ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .some((preference) => {
      const [, given = '', text = ''] = PREFERENCE.exec(preference) ?? []
      return given.toLowerCase() === name && text === value
    })

/** Name and value. Parameters follow, and have no effect. */
const PREFERENCE = /^\s*([^\s=;]+)\s*=\s*"?([^\s";]*)"?\s*(?:;.*)?$/
