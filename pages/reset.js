import { onSubmit, send, show, takeToken, tell, wordsFor } from './link.js'

const field = (id) => document.getElementById(id)

/** Shows what is wrong with the text of an input. An empty message removes it. */
function refuse(input, message) {
  const error = field(`${input.id}-error`)
  error.textContent = message
  input.setAttribute('aria-invalid', String(message !== ''))
  if (message !== '') input.focus()
}

function offerRequest() {
  const form = field('request-form')
  const email = field('email')
  onSubmit(form, 'Sending…', async () => {
    refuse(email, '')
    const problem = await send('v1/password-resets', { email: email.value.trim() })
    const about = problem?.errors?.find((each) => each.field === 'email')
    if (problem === undefined) show('requested')
    else if (about !== undefined) refuse(email, about.message)
    else tell(form, wordsFor(problem))
  })
}

function offerNewPassword(token) {
  const form = field('start-form')
  const password = field('password')
  field('shown').addEventListener('change', ({ target }) => {
    password.type = target.checked ? 'text' : 'password'
  })
  onSubmit(form, 'Setting the password…', async () => {
    refuse(password, '')
    const problem = await send('v1/password-resets/complete', { token, new_password: password.value })
    const about = problem?.errors?.find((each) => each.field === 'new_password')
    if (problem === undefined) show('done')
    else if (problem.code === 'link_gone') show('gone')
    else if (about !== undefined) refuse(password, about.message)
    else tell(form, wordsFor(problem))
  })
}

const token = takeToken()
offerRequest()
if (token !== '') offerNewPassword(token)
for (const link of document.querySelectorAll('[data-request]')) {
  link.addEventListener('click', () => show('request'))
}
show(token === '' ? 'request' : 'start')
