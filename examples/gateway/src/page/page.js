// Shows either the form or the room, and carries what happens in one to the other.
import * as auth from './auth.js'
import { colourOf, nameThisWindow, showDevices } from './devices.js'
import { explainEnd } from './end-reasons.js'
import { nameOf, showMessage } from './messages.js'
import { withRecentPassword } from './password-again.js'
import { Room } from './room.js'

const byId = (id) => document.getElementById(id)
const form = byId('credentials')
const MOST_NOTES = 8

let room
let isSigningOut = false

function showWelcome() {
  byId('chat').hidden = true
  byId('welcome').hidden = false
  form.elements.mode.value = 'sign-in'
  form.elements.password.value = ''
  showMode()
  byId(form.elements.username.value === '' ? 'username' : 'password').focus()
}

function showEnd({ reason, code }) {
  byId('ended-reason').textContent = explainEnd(reason)
  byId('ended-code').textContent = code === undefined ? '' : `The gateway closed the socket with ${code}.`
  byId('ended').hidden = false
}

function enterRoom() {
  byId('welcome').hidden = true
  byId('ended').hidden = true
  byId('chat').hidden = false
  byId('my-device').textContent = auth.deviceName()
  byId('my-dot').dataset.colour = colourOf(auth.deviceName())
  for (const id of ['messages', 'devices', 'notes']) byId(id).replaceChildren()
  room = new Room()
  room.addEventListener('status', ({ detail }) => showStatus(detail))
  room.addEventListener('note', ({ detail }) => note(detail))
  room.addEventListener('message', ({ detail }) => void hear(detail))
  room.addEventListener('end', ({ detail }) => {
    auth.forget()
    // The socket often hears of a sign-out before the page does.
    if (!isSigningOut) showEnd(detail)
    showWelcome()
  })
  room.enter()
  byId('text').focus()
}

const statusWords = { connecting: 'Connecting …', connected: 'Connected', reconnecting: 'Reconnecting …' }

function showStatus(status) {
  byId('status').textContent = statusWords[status]
  byId('status').dataset.status = status
  byId('send').disabled = status !== 'connected'
}

function note(text) {
  const entry = document.createElement('li')
  const time = document.createElement('time')
  time.textContent = new Date().toLocaleTimeString()
  entry.append(time, ` ${text}`)
  byId('notes').prepend(entry)
  while (byId('notes').children.length > MOST_NOTES) byId('notes').lastChild.remove()
}

let myId

async function hear(message) {
  if (message.type === 'welcome') {
    myId = message.user_id
    byId('my-name').textContent = await nameOf(myId)
  } else if (message.type === 'here') {
    showWhoIsHere(message.user_ids)
    await refreshDevices()
  } else if (message.type === 'said') {
    await showMessage(byId('messages'), message, message.user_id === myId)
  }
}

function showWhoIsHere(userIds) {
  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`
  const people = count(new Set(userIds).size, 'person', 'people')
  byId('here').textContent = `${people} here, on ${count(userIds.length, 'device', 'devices')}`
}

async function refreshDevices() {
  try {
    await showDevices(byId('devices'), endDevice)
    byId('devices-toggle').textContent = `Devices (${byId('devices').children.length})`
    byId('devices-problem').textContent = ''
  } catch (problem) {
    // The socket says it too when the session is over, and says it better.
    if (problem instanceof auth.Problem) byId('devices-problem').textContent = problem.message
  }
}

async function endDevice(session) {
  try {
    await withRecentPassword(() => auth.ask('DELETE', `/v1/sessions/${session.id}`))
    note(`You ended "${session.device_name}"`)
  } catch (problem) {
    if (problem instanceof auth.Problem) note(problem.message)
  }
  await refreshDevices()
}

async function signOut() {
  isSigningOut = true
  try {
    await auth.ask('DELETE', '/v1/sessions/current')
  } catch (problem) {
    // Unless the session was over anyway, it still lives: to forget its tokens would only hide that.
    if (problem instanceof auth.Problem) return note(`Not signed out: ${problem.message}`)
  } finally {
    isSigningOut = false
  }
  room.leave()
  auth.forget()
  showWelcome()
}

function showMode() {
  const isNew = form.elements.mode.value === 'sign-up'
  byId('email-field').hidden = !isNew
  byId('enter').textContent = isNew ? 'Create account' : 'Sign in'
  form.elements.password.autocomplete = isNew ? 'new-password' : 'current-password'
  showProblems({ message: '', errors: [] })
}

function showProblems({ message, errors }) {
  for (const name of ['username', 'email', 'password']) {
    const problem = errors.find(({ field }) => field === name)
    byId(`${name}-problem`).textContent = problem?.message ?? ''
    form.elements[name].setAttribute('aria-invalid', String(problem !== undefined))
  }
  byId('form-problem').textContent = errors.length > 0 ? '' : message
}

async function submit() {
  const { mode, username, email, password } = form.elements
  showProblems({ message: '', errors: [] })
  byId('enter').disabled = true
  try {
    if (mode.value === 'sign-up') {
      await auth.signUp({ username: username.value, email: email.value, password: password.value })
    }
    await auth.signIn(username.value, password.value, nameThisWindow())
    enterRoom()
  } catch (problem) {
    if (!(problem instanceof auth.Problem)) throw problem
    showProblems(problem)
  } finally {
    byId('enter').disabled = false
  }
}

form.addEventListener('change', showMode)
form.addEventListener('submit', (event) => {
  event.preventDefault()
  void submit()
})
byId('composer').addEventListener('submit', (event) => {
  event.preventDefault()
  const text = byId('text').value.trim()
  if (text !== '' && room.say(text)) byId('text').value = ''
})
byId('sign-out').addEventListener('click', () => void signOut())
byId('devices-toggle').addEventListener('click', ({ currentTarget }) => {
  const isOpen = byId('side').classList.toggle('open')
  currentTarget.setAttribute('aria-expanded', String(isOpen))
})

if (auth.isSignedIn()) enterRoom()
else showWelcome()
