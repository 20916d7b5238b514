// Keeps a list of conversions up to date by server-sent events. Rows come as escaped HTML.

export const page = JSON.parse(document.body.dataset.page)

/** An element with its attributes and children; text is text. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (key in element && key !== 'list') element[key] = value
    else element.setAttribute(key, value)
  }
  element.append(...children)
  return element
}

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** A file's name on one line, as the server renders it: the end of a long one stays visible. */
export function nameOf(name) {
  const parts = [...characters.segment(name)].map(({ segment }) => segment)
  if (parts.length <= 20) return make('bdi', {}, name)
  const [start, end] = [parts.slice(0, -10), parts.slice(-10)]
  return make(
    'bdi',
    { title: name },
    ...[start, end].map((each) => make('span', {}, each.join(''))),
  )
}

const { lang } = document.documentElement
const moment = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, {
  day: 'numeric',
  month: 'long',
  hour: '2-digit',
  minute: '2-digit',
})

/** Shows times in the visitor's time zone; the server knows only its own. */
export function localTimes(root) {
  for (const time of root.querySelectorAll('time'))
    time.textContent = moment.format(new Date(time.dateTime))
  return root
}
localTimes(document)

const drawn = (html) => {
  const template = document.createElement('template')
  template.innerHTML = html
  return localTimes(template.content).firstElementChild
}

/** Replaces `old` by `next`; a focused link or button stays focused. */
export function swap(old, next) {
  const active = document.activeElement
  const at = old.contains(active) ? `${active.tagName}${active.getAttribute('href') ?? ''}` : ''
  old.replaceWith(next)
  if (at === '') return
  const same = [...next.querySelectorAll('a, button')].find(
    (each) => `${each.tagName}${each.getAttribute('href') ?? ''}` === at,
  )
  ;(same ?? next.querySelector('a, button'))?.focus()
}

export function say(text) {
  if (text) document.querySelector('#say').textContent = text
}

export function showProgress(element, { stage, done }) {
  const bar = element?.querySelector('progress')
  if (!bar) return
  if (done === undefined) bar.removeAttribute('value')
  else bar.value = done
  const name = page.stages[stage]
  bar.setAttribute('aria-label', name)
  element.querySelector('.stage-name').textContent = name
}

const kinds = ['record', 'progress', 'removed']
const told = new Map()

/** Subscribes to `address`; `heard` gets each event. */
export function listen(address, heard) {
  let source
  let since = page.since
  const open = () => {
    source = new EventSource(`${address}?since=${since}`)
    for (const kind of kinds) source.addEventListener(kind, (event) => take(kind, event))
  }
  const take = (kind, { data, lastEventId }) => {
    if (lastEventId) since = lastEventId
    const event = JSON.parse(data)
    heard(kind, event)
    if (kind !== 'record') return
    // Once: after a reconnection the list is sent again.
    if (told.get(event.token) !== event.say) say(event.say)
    told.set(event.token, event.say)
  }
  open()
  // A browser allows few connections to one host: a hidden tab closes its own.
  document.addEventListener('visibilitychange', () => {
    source.close()
    if (!document.hidden) open()
  })
}

const rows = document.querySelector('#rows')
const rowOf = ({ token, key }) =>
  document.getElementById(`c-${token}`) ?? rows.querySelector(`[data-key="${CSS.escape(key)}"]`)

/** Keeps the browser's thumbnail until there is one of the result. */
function redraw(row, next) {
  const [mine, theirs] = [row, next].map((each) => each.querySelector('.thumb'))
  if (mine?.querySelector('img') && theirs && !theirs.querySelector('img'))
    theirs.replaceWith(mine.cloneNode(true))
  swap(row, next)
}

/** Keeps the list `#rows` up to date. */
export function keepRows(address, changed = () => {}) {
  listen(address, (kind, event) => {
    const row = rowOf(event)
    if (kind === 'progress') showProgress(row, event)
    else if (kind === 'removed') row?.remove()
    else if (row) redraw(row, drawn(event.html))
    else rows.prepend(drawn(event.html))
    changed(kind, event)
  })
  // Deletes and restores without loading the page again.
  rows.addEventListener('submit', async (event) => {
    event.preventDefault()
    const form = event.target
    const row = form.closest('.row')
    const { key } = row.dataset
    const answer = await fetch(form.action, {
      method: 'POST',
      headers: { Accept: 'application/json' },
    }).catch(() => undefined)
    if (!answer || (!answer.ok && answer.status !== 404)) return form.submit()
    if (answer.status === 200) {
      const now = document.getElementById(row.id)
      if (now) redraw(now, drawn((await answer.json()).html))
      return changed('record', { key })
    }
    const next = row.nextElementSibling ?? row.previousElementSibling
    row.remove()
    ;(next?.querySelector('a, button') ?? document.querySelector('#files'))?.focus()
    changed('removed', { key })
  })
}

export { drawn }
