import { formOf, json } from './form.js'
import { keepRows, make, nameOf, page, say, showProgress } from './live.js'
import { compare, preview } from './preview.js'
import { bytesText, filled, timeText } from './sizes.js'

const { live } = page
const form = document.querySelector('#convert')
const drop = document.querySelector('#drop')
const input = document.querySelector('#files')
const panel = document.querySelector('#live')
const send = document.querySelector('#send')
const rows = document.querySelector('#rows')
const quality = document.querySelector('#quality')
const target = document.querySelector('#to')
const zip = document.querySelector('#zip')

const uploadsAtOnce = 3
/** Enough for a picture's header; a document is asked about as a whole where it is small. */
const headBytes = 4e6

/** Pictures of a whole folder would fill the browser's memory. */
const drawnAtOnce = 24

const chosen = new Map()
const list = make('ul', { className: 'chosen' })
let current

// Here the files come first, for the eye as for the keyboard; without a program they come last.
form.prepend(drop, panel)
panel.append(list, compare)
input.required = false

/* -- choosing */

input.addEventListener('change', () => {
  add(input.files)
  input.value = ''
})
for (const kind of ['dragenter', 'dragover']) {
  addEventListener(kind, (event) => {
    if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return
    event.preventDefault()
    drop.classList.add('over')
  })
}
addEventListener('dragleave', (event) => {
  if (!event.relatedTarget) drop.classList.remove('over')
})
addEventListener('drop', (event) => {
  drop.classList.remove('over')
  if (!event.dataTransfer?.files.length) return
  event.preventDefault()
  add(event.dataTransfer.files)
})
addEventListener('paste', (event) => {
  if (event.clipboardData?.files.length) add(event.clipboardData.files)
})

function add(files) {
  for (const file of files) {
    const item = { file, key: crypto.randomUUID?.() ?? String(Math.random()).slice(2), url: '' }
    item.thumb = make('div', { className: 'thumb' })
    item.facts = make('span', { className: 'hint' }, bytesText(file.size))
    item.row = make(
      'li',
      {},
      item.thumb,
      make(
        'button',
        { type: 'button', className: 'pick', onclick: () => look(item) },
        make('span', { className: 'name' }, nameOf(file.name)),
        item.facts,
      ),
      make(
        'button',
        {
          type: 'button',
          className: 'quiet',
          'aria-label': filled(live.takeOut, { name: file.name }),
          onclick: () => takeOut(item),
        },
        '✕',
      ),
    )
    chosen.set(item.key, item)
    list.append(item.row)
    if (chosen.size <= drawnAtOnce) draw(item).then(() => item === current && look(item))
    ask(item)
  }
  current ??= chosen.values().next().value
  look(current)
  say(filled(live.dropped, { count: chosen.size }))
}

async function draw(item) {
  item.url = URL.createObjectURL(item.file)
  const picture = make('img', { src: item.url, alt: '' })
  try {
    await picture.decode()
    item.picture = picture
    item.pixels = `${picture.naturalWidth} × ${picture.naturalHeight}`
    item.thumb.replaceChildren(make('img', { src: item.url, alt: '' }))
  } catch {
    const end = /\.([^.]{1,5})$/.exec(item.file.name)?.[1] ?? ''
    item.thumb.replaceChildren(make('span', { className: 'format' }, end.toUpperCase()))
  }
  facts(item)
}

let asking = Promise.resolve()
const ask = (item) => {
  asking = asking.then(() => (chosen.has(item.key) ? estimate(item) : undefined))
}

async function estimate(item) {
  try {
    const body = item.file.slice(0, headBytes)
    const answer = await fetch('/estimate', {
      method: 'POST',
      headers: json,
      body: formOf(item.file, { size: item.file.size })(body),
    })
    item.estimate = answer.status === 200 ? await answer.json() : undefined
  } catch {
    item.estimate = undefined
  }
  facts(item)
}

function facts({ facts: text, file, pixels, estimate }) {
  const told =
    estimate &&
    (estimate.fits ? filled(live.estimate, { time: timeText(estimate.ms) }) : estimate.message)
  text.textContent = [bytesText(file.size), pixels, told].filter(Boolean).join(' · ')
}

function takeOut(item) {
  const next = item.row.nextElementSibling ?? item.row.previousElementSibling
  forget(item)
  look(current)
  ;(next?.querySelector('.pick') ?? input).focus()
}

function forget(item) {
  chosen.delete(item.key)
  item.row.remove()
  if (item === current) current = chosen.values().next().value
}

function look(item) {
  current = item
  if (item && !item.url) draw(item).then(() => item === current && preview(item))
  for (const each of chosen.values()) each.row.classList.toggle('current', each === item)
  panel.hidden = chosen.size === 0
  drop.classList.toggle('slim', chosen.size > 0)
  drop.querySelector('#drop-text').textContent = chosen.size > 0 ? page.dropMore : page.drop
  send.textContent =
    chosen.size === 0
      ? page.convert
      : filled(chosen.size === 1 ? live.one : live.many, { count: chosen.size })
  preview(item)
}

/* -- settings */

const slider = make('input', { type: 'range', min: 1, max: 100 })
slider.setAttribute('aria-label', document.querySelector('label[for=quality]').textContent)
quality.after(slider)
slider.addEventListener('input', () => {
  quality.value = slider.value
})
function settle() {
  const usual = target.selectedOptions[0]?.dataset.quality
  quality.disabled = slider.disabled = usual === undefined
  quality.placeholder = usual ?? '–'
  slider.value = quality.value || usual || 80
}
let asked
form.addEventListener('input', (event) => {
  if (event.target === input || event.target.id === 'notify') return
  settle()
  preview(current)
  clearTimeout(asked)
  asked = setTimeout(() => [...chosen.values()].slice(0, 8).forEach(ask), 400)
})
settle()

/* -- converting */

const waiting = []
let uploading = 0

form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (chosen.size === 0) {
    say(page.needsFile)
    input.setCustomValidity(page.needsFile)
    input.reportValidity()
    input.setCustomValidity('')
    return
  }
  const run = crypto.randomUUID?.() ?? `run${Date.now()}${String(Math.random()).slice(2, 8)}`
  const count = chosen.size
  for (const item of [...chosen.values()]) {
    // The settings of this moment: who changes them now means the next files.
    item.form = formOf(item.file, { key: item.key, run, count, size: item.file.size })
    forget(item)
    showWaiting(item)
    waiting.push(item)
  }
  look(undefined)
  document.querySelector('#yours').scrollIntoView({ block: 'nearest' })
  next()
})

function showWaiting(item) {
  const cancel = make('button', { type: 'button', className: 'quiet' }, live.cancel)
  cancel.setAttribute('aria-label', `${live.cancel}: ${item.file.name}`)
  cancel.onclick = () => {
    const at = waiting.indexOf(item)
    if (at >= 0) waiting.splice(at, 1)
    item.request?.abort()
    row.remove()
  }
  const row = make(
    'li',
    { className: 'row converting' },
    item.thumb,
    make(
      'div',
      { className: 'what' },
      make('p', { className: 'name' }, nameOf(item.file.name)),
      make(
        'p',
        { className: 'stage' },
        make('span', { className: 'stage-name' }, page.stages.waiting),
      ),
      make('progress', { max: 1, value: 0 }),
    ),
    make('div', { className: 'act' }, cancel),
  )
  row.dataset.key = item.key
  showProgress(row, { stage: 'waiting', done: 0 })
  document.querySelector('#empty').hidden = true
  rows.prepend(row)
}

function next() {
  while (uploading < uploadsAtOnce && waiting.length > 0) {
    uploading += 1
    upload(waiting.shift()).finally(() => {
      uploading -= 1
      next()
    })
  }
}

async function upload(item) {
  item.request = new AbortController()
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch('/convert', {
      method: 'POST',
      headers: json,
      body: item.form(),
      signal: item.request.signal,
    }).catch(() => undefined)
    if (answer?.ok) await answer.text().catch(() => {})
    if (item.request.signal.aborted || answer?.ok) return
    const wait = Number(answer?.headers.get('Retry-After') ?? 0)
    if (answer?.status === 503 && wait <= 10 && attempt < 20) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(1, wait) * 1000))
      continue
    }
    const { error } = (await answer?.json().catch(() => undefined)) ?? {}
    return refused(item, error?.message ?? live.lost)
  }
}

function refused(item, message) {
  const row = rows.querySelector(`[data-key="${CSS.escape(item.key)}"]`)
  // The server may have drawn it already, and knows better.
  if (!row || row.id) return
  row.querySelector('.stage').replaceWith(make('p', { className: 'fault' }, message))
  row.querySelector('progress').remove()
  say(`${item.file.name}: ${message}`)
}

keepRows('/events', () => {
  document.querySelector('#empty').hidden = rows.children.length > 0
  zip.hidden = !rows.querySelector('.row.converted')
})
