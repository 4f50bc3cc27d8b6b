// Asks for the password again, for calls that need a recent authentication.
import { reauthenticate } from './auth.js'

const dialog = document.getElementById('again')
const form = document.getElementById('again-form')
const password = document.getElementById('again-password')
const problemText = document.getElementById('again-problem')

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  try {
    await reauthenticate(password.value)
    dialog.close('done')
  } catch (problem) {
    problemText.textContent = problem.errors?.[0]?.message ?? problem.message
  }
})
document.getElementById('again-cancel').addEventListener('click', () => dialog.close(''))

/** Resolves with true when the user has entered the password, and with false when they cancel. */
function askPassword() {
  password.value = ''
  problemText.textContent = ''
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'done'), { once: true })
  })
}

/** Makes the call, and repeats it after the password if it needs one. Throws the refusal if the user cancels. */
export async function withRecentPassword(call) {
  try {
    return await call()
  } catch (problem) {
    if (problem.code !== 'reauthentication_required' || !(await askPassword())) throw problem
  }
  return call()
}
