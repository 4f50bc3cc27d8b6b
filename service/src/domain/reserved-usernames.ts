import { InvalidValue } from './invalid-value.ts'
import { looksOf } from './skeleton.ts'
import { parseUsername, type Username } from './username.ts'

/** The looks of the names that no user may choose, because their holder could pass for the service or its operators. */
export type ReservedUsernames = ReadonlySet<string>

/** Each name in capitals too: `ADMlN` looks like ADMIN, and not like admin. */
export const reserveUsernames = (names: readonly string[]): ReservedUsernames =>
  new Set(names.flatMap((name) => [name, name.toUpperCase()]).flatMap(looksWithoutSeparators))

/** As `parseUsername`. Throws InvalidValue with `reserved` too. */
export const parseFreeUsername =
  (reserved: ReservedUsernames) =>
  (typed: string): Username => {
    const username = parseUsername(typed)
    if (looksWithoutSeparators(username.text).some((look) => reserved.has(look))) {
      throw new InvalidValue(
        'reserved',
        'This name is reserved for the operators of the service. Choose another.',
      )
    }
    return username
  }

const looksWithoutSeparators = (text: string): readonly string[] =>
  looksOf({ text: text.replace(/[._\-]/g, '') })
