import { followOnClick } from './link.js'

followOnClick('v1/email-changes/undo', 'Restoring…')
