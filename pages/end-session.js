import { followOnClick } from './link.js'

followOnClick('v1/sessions/end-by-link', 'Signing out…')
