// Uploads, three at a time. The server gets all names first: it keeps a record of each file and marks
// those as failed that never come.
import { fieldsOf, formOf, json, nameFields } from './form.js'
import { make, nameOf, page, say, showProgress } from './live.js'

const uploadsAtOnce = 3

const { live } = page
const rows = document.querySelector('#rows')
/** Files that are not uploaded yet, by key. */
const unsent = new Map()
const waiting = []
let uploading = 0

/** Sends the files with the current settings; later changes apply to later files. */
export async function send(items) {
  const run = crypto.randomUUID?.() ?? `run${Date.now()}${String(Math.random()).slice(2, 8)}`
  const common = { run, count: items.length }
  const fields = fieldsOf(common)
  for (const item of items) {
    const { key, file, folder } = item
    item.form = formOf(file, { key, ...common, ...nameFields(file, folder), size: file.size })
    showWaiting(item)
    unsent.set(key, item)
  }
  const files = items.map(({ key, file, folder }) => ({ key, ...nameFields(file, folder) }))
  const answer = await post('/expect', { fields, files })
  const { refused, error } = (await answer?.json().catch(() => undefined)) ?? {}
  for (const item of items) {
    const message = answer?.ok ? refused[item.key] : (error?.message ?? live.lost)
    if (message) refuse(item, message)
    else if (unsent.has(item.key)) waiting.push(item)
  }
  next()
}

const post = (address, body) =>
  fetch(address, { method: 'POST', headers: json, body: JSON.stringify(body) }).catch(() => {})

function showWaiting(item) {
  const row = make(
    'li',
    { className: 'row converting' },
    item.thumb,
    make(
      'div',
      { className: 'what' },
      make('p', { className: 'name' }, nameOf(item.name)),
      make(
        'p',
        { className: 'stage' },
        make('span', { className: 'stage-name' }, page.stages.waiting),
      ),
      make('progress', { max: 1, value: 0 }),
    ),
  )
  row.dataset.key = item.key
  showProgress(row, { stage: 'waiting', done: 0 })
  document.querySelector('#empty').hidden = true
  rows.prepend(row)
}

/** Ends the upload of a file whose conversion was removed. */
export function stop(key) {
  const item = unsent.get(key)
  if (!item) return
  unsent.delete(key)
  const at = waiting.indexOf(item)
  if (at >= 0) waiting.splice(at, 1)
  item.request?.abort()
}

function next() {
  while (uploading < uploadsAtOnce && waiting.length > 0) {
    uploading += 1
    const item = waiting.shift()
    upload(item).finally(() => {
      uploading -= 1
      unsent.delete(item.key)
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
    post('/leave', { keys: [item.key] })
    return refuse(item, error?.message ?? live.lost)
  }
}

function refuse(item, message) {
  unsent.delete(item.key)
  const row = rows.querySelector(`[data-key="${CSS.escape(item.key)}"]`)
  // A row from the server shows its own state.
  if (!row || row.id) return
  row.classList.replace('converting', 'failed')
  row.querySelector('.stage').replaceWith(make('p', { className: 'fault' }, message))
  row.querySelector('progress').remove()
  say(`${item.name}: ${message}`)
}

addEventListener('beforeunload', (event) => {
  if (unsent.size > 0) event.preventDefault()
})
addEventListener('pagehide', () => {
  if (unsent.size > 0) navigator.sendBeacon('/leave', JSON.stringify({ keys: [...unsent.keys()] }))
})
