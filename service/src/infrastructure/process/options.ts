import { parseArgs } from 'node:util'
import { SettingsError } from '../settings/settings-reader.ts'

/** The options of `npm start --`. Throws a SettingsError for any other: an option that is ignored would be misunderstood. */
export function readOptions(args: readonly string[]): { readonly newSigningKeys: boolean } {
  const known = { 'new-signing-keys': { type: 'boolean', default: false } } as const
  const { values, tokens } = parseArgs({
    args: [...args],
    options: known,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const unknown = tokens.find((token) => token.kind !== 'option' || !Object.hasOwn(known, token.name))
  if (unknown !== undefined) {
    throw new SettingsError([`the only option is --new-signing-keys, not "${args[unknown.index]}"`])
  }
  return { newSigningKeys: values['new-signing-keys'] === true }
}
