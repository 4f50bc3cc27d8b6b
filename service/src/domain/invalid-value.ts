/** Why a value was refused; a stable word that clients may branch on. Listed in docs/errors.md. */
export type InvalidValueCode =
  | 'required'
  | 'invalid_type'
  | 'too_short'
  | 'too_long'
  | 'invalid_characters'
  | 'mixed_scripts'
  | 'invalid_format'
  | 'too_common'
  | 'personal'
  | 'incorrect'
  | 'broken'
  | 'animated'
  | 'too_many_pixels'

/** A value object could not be made of what was given. `message` is written for the person who typed it. */
export class InvalidValue extends Error {
  readonly code: InvalidValueCode

  constructor(code: InvalidValueCode, message: string) {
    super(message)
    this.name = 'InvalidValue'
    this.code = code
  }
}
