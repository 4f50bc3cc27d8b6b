import { ApplicationError } from '../../application/errors.ts'
import { refuseField } from '../../application/validate.ts'
import { UPLOAD_LIMITS } from '../../domain/avatar.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'

export const unsupported = (): ApplicationError => new ApplicationError('unsupported_picture')

export const tooLarge = (): ApplicationError => new ApplicationError('picture_too_large')

/** `why` is a sentence for whoever sent it; the words of the decoder are nobody's affair. */
export const broken = (why: string): ApplicationError =>
  refuseField('avatar', new InvalidValue('broken', `${why} Save it anew, or choose another.`))

export const animated = (): ApplicationError =>
  refuseField(
    'avatar',
    new InvalidValue('animated', 'The picture is animated. Choose one that stands still.'),
  )

export const tooManyPixels = (width: number, height: number): ApplicationError => {
  const { pixels, side } = UPLOAD_LIMITS
  const most = `at most ${Math.floor(pixels / 1e6)} megapixels and ${side} on a side`
  const message = `The picture has ${width} x ${height} pixels. Choose one with ${most}.`
  return refuseField('avatar', new InvalidValue('too_many_pixels', message))
}
