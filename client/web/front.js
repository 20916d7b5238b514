import { waitForConverter } from './converter.js'
import { formOf, json } from './form.js'
import { gather } from './gather.js'
import { keepRows, make, nameOf, page, say } from './live.js'
import { compare, preview } from './preview.js'
import { bytesText, filled, timeText } from './sizes.js'
import { send, stop } from './uploads.js'

const { live } = page
const form = document.querySelector('#convert')
const drop = document.querySelector('#drop')
const input = document.querySelector('#files')
const panel = document.querySelector('#live')
const button = document.querySelector('#send')
const rows = document.querySelector('#rows')
const quality = document.querySelector('#quality')
const target = document.querySelector('#to')
const zip = document.querySelector('#zip')

/** Enough for a picture's header; small documents are sent as a whole. */
const headBytes = 4e6

/** Limits the memory for thumbnails of a large folder. */
const drawnAtOnce = 24

/** The server's limit for one request. */
const maxChosen = 1000

const chosen = new Map()
const list = make('ul', { className: 'chosen' })
const note = make('p', { className: 'hint' })
let current

// With JavaScript the files come first, visually and for the keyboard; without, they come last.
form.prepend(drop, panel)
panel.append(list, note, compare)
input.required = false

/* -- choosing */

input.addEventListener('change', () => {
  add([...input.files].map((file) => ({ file, folder: '' })))
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
  take(event, event.dataTransfer)
})
addEventListener('paste', (event) => take(event, event.clipboardData))

async function take(event, transfer) {
  if (!transfer?.files.length) return
  event.preventDefault()
  const { found, leftOut } = await gather(transfer)
  add(found, leftOut)
}

function add(found, leftOut = 0) {
  for (const { file, folder } of found.slice(0, maxChosen - chosen.size)) {
    const item = { file, folder, key: crypto.randomUUID?.() ?? String(Math.random()).slice(2) }
    item.url = ''
    item.name = folder === '' ? file.name : `${folder}/${file.name}`
    item.thumb = make('div', { className: 'thumb' })
    item.facts = make('span', { className: 'hint' })
    item.row = make(
      'li',
      {},
      item.thumb,
      make(
        'button',
        { type: 'button', className: 'pick', onclick: () => look(item) },
        make('span', { className: 'name' }, nameOf(item.name)),
        item.facts,
      ),
      make(
        'button',
        {
          type: 'button',
          className: 'quiet',
          'aria-label': filled(live.takeOut, { name: item.name }),
          onclick: () => takeOut(item),
        },
        '✕',
      ),
    )
    chosen.set(item.key, item)
    list.append(item.row)
    facts(item)
    if (chosen.size > drawnAtOnce) continue
    draw(item).then(() => item === current && look(item))
    ask(item)
  }
  const isCut = found.length > 0 && chosen.size === maxChosen
  note.textContent = [
    isCut && filled(live.onlyFirst, { count: maxChosen }),
    leftOut > 0 && filled(live.leftOut, { count: leftOut }),
  ]
    .filter(Boolean)
    .join(' ')
  current ??= chosen.values().next().value
  look(current)
  say(`${filled(live.dropped, { count: chosen.size })} ${note.textContent}`)
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
  if (target.disabled) return
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

const refusalOf = ({ file }) =>
  page.maxBytes > 0 && file.size > page.maxBytes
    ? filled(live.tooLarge, { size: bytesText(page.maxBytes) })
    : ''

function facts(item) {
  const { file, pixels, estimate } = item
  const refusal = refusalOf(item)
  const more = estimate?.fits
    ? filled(live.estimate, { time: timeText(estimate.ms) })
    : estimate?.message
  item.facts.classList.toggle('refusal', refusal !== '' || estimate?.fits === false)
  item.facts.textContent = [bytesText(file.size), pixels, refusal || more]
    .filter(Boolean)
    .join(' · ')
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
  if (item && !item.url) {
    draw(item).then(() => item === current && preview(item, refusalOf(item)))
    ask(item)
  }
  for (const each of chosen.values()) each.row.classList.toggle('current', each === item)
  const count = sendable().length
  panel.hidden = chosen.size === 0
  drop.classList.toggle('slim', chosen.size > 0)
  drop.querySelector('#drop-text').textContent = chosen.size > 0 ? page.dropMore : page.drop
  button.textContent =
    count === 0 ? page.convert : filled(count === 1 ? live.one : live.many, { count })
  preview(item, item && refusalOf(item))
}

const sendable = () => [...chosen.values()].filter((item) => refusalOf(item) === '')

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
const askAgain = () => [...chosen.values()].slice(0, 8).forEach(ask)
let asked
form.addEventListener('input', (event) => {
  if (event.target === input || event.target.id === 'notify') return
  settle()
  preview(current, current && refusalOf(current))
  clearTimeout(asked)
  asked = setTimeout(askAgain, 400)
})
settle()
waitForConverter(() => {
  settle()
  for (const item of chosen.values()) facts(item)
  askAgain()
  look(current)
})

/* -- converting */

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const items = sendable()
  if (items.length === 0) {
    say(page.needsFile)
    input.setCustomValidity(page.needsFile)
    input.reportValidity()
    input.setCustomValidity('')
    return
  }
  for (const item of items) forget(item)
  look(undefined)
  send(items)
  document.querySelector('#yours').scrollIntoView({ block: 'nearest' })
})

keepRows('/events', (kind, { key }) => {
  if (kind === 'removed') stop(key)
  document.querySelector('#empty').hidden = rows.children.length > 0
  zip.hidden = !rows.querySelector('.row.converted')
})
