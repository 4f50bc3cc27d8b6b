// "Your devices": the live sessions of this user, each with a button that ends it.
import { ask } from './auth.js'

// The service would call every window of a browser the same; a colour tells them apart.
const colours = ['Amber', 'Coral', 'Indigo', 'Jade', 'Plum', 'Ruby', 'Sky', 'Slate']

export function nameThisWindow() {
  const colour = colours[Math.floor(Math.random() * colours.length)]
  return `${colour} window ${Math.floor(10 + Math.random() * 90)}`
}

export const colourOf = (deviceName) => deviceName.split(' ')[0].toLowerCase()

let asked = 0

export async function showDevices(list, end) {
  const asking = ++asked
  const { items } = await ask('GET', '/v1/sessions')
  // An older response that arrives later would bring back an ended session.
  if (asking === asked) list.replaceChildren(...items.map((session) => entryOf(session, end)))
}

function entryOf(session, end) {
  const dot = document.createElement('span')
  dot.className = 'dot'
  dot.dataset.colour = colourOf(session.device_name)
  const name = document.createElement('strong')
  name.textContent = session.device_name
  const facts = document.createElement('span')
  facts.className = 'fine'
  facts.textContent = `${since(session.created_at)}, ${session.ip}`
  const words = document.createElement('p')
  words.append(name, facts)
  const entry = document.createElement('li')
  entry.append(dot, words, session.current ? tag('This one') : endButton(session, end))
  return entry
}

function tag(text) {
  const made = document.createElement('span')
  made.className = 'tag'
  made.textContent = text
  return made
}

function endButton(session, end) {
  const button = document.createElement('button')
  button.className = 'danger'
  button.textContent = 'End'
  button.ariaLabel = `End ${session.device_name}`
  button.addEventListener('click', () => {
    button.disabled = true
    void end(session)
  })
  return button
}

function since(time) {
  const minutes = Math.floor((Date.now() - Date.parse(time)) / 60_000)
  if (minutes < 1) return 'Signed in just now'
  if (minutes < 60) return `Signed in ${minutes} min ago`
  return `Since ${new Date(time).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}`
}
