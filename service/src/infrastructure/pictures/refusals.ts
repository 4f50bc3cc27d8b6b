import { ApplicationError } from '../../application/errors.ts'
import { refuseField } from '../../application/validate.ts'
import { UPLOAD_LIMITS } from '../../domain/avatar.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'

export const TRUNCATED = 'The picture is incomplete: its end is missing.'
export const UNREADABLE = 'The picture is damaged and cannot be read.'

export const unsupported = (): ApplicationError => new ApplicationError('unsupported_picture')

export const tooLarge = (): ApplicationError => new ApplicationError('picture_too_large')

/** `why` is a sentence for the user. The decoder's own text does not leave the service. */
export const broken = (why: string): ApplicationError =>
  refuseField('avatar', new InvalidValue('broken', `${why} Save it again, or choose another one.`))

export const animated = (): ApplicationError =>
  refuseField('avatar', new InvalidValue('animated', 'The picture is animated. Choose a still picture.'))

export const tooManyPixels = (width: number, height: number): ApplicationError => {
  const { pixels, side } = UPLOAD_LIMITS
  const most = `at most ${Math.floor(pixels / 1e6)} megapixels and ${side} on a side`
  const message = `The picture has ${width} x ${height} pixels. Choose one with ${most}.`
  return refuseField('avatar', new InvalidValue('too_many_pixels', message))
}

export const tooDetailed = (width: number, height: number): ApplicationError => {
  const message = `The picture has ${width} x ${height} pixels, too many for a PNG. Save it as a JPEG, or make it smaller.`
  return refuseField('avatar', new InvalidValue('too_many_pixels', message))
}
