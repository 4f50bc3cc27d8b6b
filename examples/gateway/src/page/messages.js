// The gateway knows users by number; chat-auth knows their names.
import { ask } from './auth.js'

const names = new Map()

/** The name of a user, or the number while the name is unknown. */
export async function nameOf(userId) {
  try {
    if (!names.has(userId)) names.set(userId, (await ask('GET', `/v1/users/${userId}`)).username)
    return names.get(userId)
  } catch {
    return `Person ${userId}`
  }
}

export async function showMessage(list, { user_id, text, at }, isMine) {
  const entry = document.createElement('li')
  entry.className = isMine ? 'mine' : 'theirs'
  entry.append(part('span', 'face', ''), part('p', 'who', ''), part('p', 'said', text))
  list.append(entry)
  // In its place first, named afterwards: messages keep their order.
  const name = await nameOf(user_id)
  const [face, who] = entry.children
  face.textContent = [...name][0].toUpperCase()
  face.dataset.person = user_id % 6
  face.ariaHidden = 'true'
  who.textContent = isMine ? 'You' : name
  const time = part('time', '', new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }))
  time.dateTime = at
  who.append(' ', time)
  list.scrollTop = list.scrollHeight
}

function part(element, className, text) {
  const made = document.createElement(element)
  made.className = className
  made.textContent = text
  return made
}
