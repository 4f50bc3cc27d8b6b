/** Why a value was refused; a stable word that clients may branch on. Listed in docs/errors.md. */
export type InvalidValueCode =
  | 'required'
  | 'unknown_field'
  | 'invalid_type'
  | 'too_short'
  | 'too_long'
  | 'invalid_characters'
  | 'mixed_scripts'
  | 'invalid_format'
  | 'out_of_range'
  | 'reserved'
  | 'too_common'
  | 'personal'
  | 'incorrect'
  | 'broken'
  | 'animated'
  | 'too_many_pixels'

/** The input is not a valid value. `message` is written for the user who typed it. */
export class InvalidValue extends Error {
  readonly code: InvalidValueCode

  constructor(code: InvalidValueCode, message: string) {
    super(message)
    this.name = 'InvalidValue'
    this.code = code
  }
}
