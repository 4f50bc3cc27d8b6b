// For the pages that links in mails open. A page says first what will happen, and changes nothing before a click.

/**
 * The token of the link. It leaves the address bar, so that nobody reads it there, or in a picture of the screen. It stays in
 * the state of this tab, so that the page can be loaded again.
 */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? history.state?.token ?? ''
  history.replaceState({ token }, '', location.pathname)
  return token
}

/** Shows one section of the page and no other, and moves the focus to its heading, where a screen reader reads on. */
export function show(id) {
  for (const section of document.querySelectorAll('main > section')) section.hidden = section.id !== id
  const heading = document.querySelector(`#${id} h1`)
  heading.tabIndex = -1
  heading.focus()
  document.title = `${heading.textContent} · ${document.querySelector('.brand').textContent}`
}

const TIME_LIMIT_MS = 20_000

/** Sends a request. Returns `undefined` if it succeeded, otherwise the problem. */
export async function send(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
    })
    if (response.ok) return undefined
    const problem = await response.json()
    return { ...problem, retryAfter: Number(response.headers.get('retry-after')) }
  } catch {
    return { code: 'unreachable', status: 503 }
  }
}

/**
 * Runs `submit` when the form is sent, and never twice at the same time. The button says that it is busy and keeps the focus.
 */
export function onSubmit(form, busyText, submit) {
  const button = form.querySelector('button[type="submit"]')
  const usualText = button.textContent
  let isBusy = false
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (isBusy) return
    isBusy = true
    button.setAttribute('aria-disabled', 'true')
    button.textContent = busyText
    tell(form, '')
    await submit()
    isBusy = false
    button.removeAttribute('aria-disabled')
    button.textContent = usualText
  })
}

/** Shows a problem above the button of the form. An empty text removes it. */
export function tell(form, text) {
  const notice = form.querySelector('[role="alert"]')
  notice.textContent = text
  notice.classList.toggle('notice', text !== '')
}

/** The words for a problem that is about no field. */
export function wordsFor({ code, status, detail, retryAfter }) {
  if (code === 'too_many_attempts')
    return `There were too many attempts. Try again in ${inWords(retryAfter)}.`
  if (status >= 500)
    return 'The service cannot be reached at the moment. Nothing has changed. Try again soon.'
  return detail
}

function inWords(seconds) {
  if (!(seconds > 90)) return 'a minute'
  const [count, unit] = seconds <= 5_400 ? [seconds / 60, 'minutes'] : [seconds / 3_600, 'hours']
  return `${Math.ceil(count)} ${unit}`
}

/** A page with one button, which sends the token of the link. `sections` names what to show for a code. */
export function followOnClick(path, busyText, sections = {}) {
  const token = takeToken()
  if (token === '') {
    show('gone')
    return
  }
  const form = document.querySelector('form')
  onSubmit(form, busyText, async () => {
    const problem = await send(path, { token })
    if (problem === undefined) show('done')
    else if (problem.code === 'link_gone') show('gone')
    else if (problem.code in sections) show(sections[problem.code])
    else tell(form, wordsFor(problem))
  })
  show('start')
}
