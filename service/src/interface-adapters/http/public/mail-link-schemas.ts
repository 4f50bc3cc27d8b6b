import { z } from 'zod'
import { textField } from '../text-field.ts'
import { email, newPassword, proofOfWork } from '../user-schemas.ts'

const TOKEN = 'Aao8o2sBAAAAAAAAAABKQyV3AAAAAAAAAAAAAAAAAAAAAAAAAAEJdvYt0cM2n5Zt0p6Q3wXy'

/** Any string may be sent: its MAC decides, not its form. */
const token = textField(4096, TOKEN, 'The part of the link after `#token=`.')

export const passwordResetRequest = z
  .object({ email, proof_of_work: proofOfWork.optional() })
  .meta({ id: 'PasswordResetRequest' })

export const passwordReset = z.object({ token, new_password: newPassword }).meta({ id: 'PasswordReset' })

export const followedLink = z.object({ token }).meta({ id: 'FollowedLink' })
