import { followOnClick } from './link.js'

followOnClick('v1/email-verifications/complete', 'Confirming…', { email_taken: 'taken' })
