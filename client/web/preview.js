// The side-by-side preview: sends a reduced copy to the converter. A new request cancels the last one,
// in the browser and on the server.
import { formOf, json } from './form.js'
import { make, page } from './live.js'
import { bytesText, changeText, filled } from './sizes.js'

const longestSide = 960
const pauseMs = 250
/** A small file that the browser cannot draw is sent unchanged. */
const maxWholeBytes = 20e6

const { live } = page
const before = make('img', { alt: '' })
const after = make('img', { alt: '' })
const beforeText = make('span')
const afterText = make('span')
const beforeFrame = make('div', { className: 'frame' }, before)
const afterFrame = make('div', { className: 'frame' }, after)

export const compare = make(
  'div',
  { className: 'compare', hidden: true },
  make(
    'figure',
    {},
    beforeFrame,
    make('figcaption', {}, make('strong', {}, live.before), beforeText),
  ),
  make('figure', {}, afterFrame, make('figcaption', {}, make('strong', {}, live.after), afterText)),
)

let timer
let running
let drawnUrl

const show = (image, url) => {
  if (image.src.startsWith('blob:') && image.src !== drawnUrl) URL.revokeObjectURL(image.src)
  image.hidden = url === undefined
  if (url) image.src = url
}

/** Shows the preview of `item` when the settings have not changed for a moment; undefined: hides it. */
export function preview(item, refusal) {
  clearTimeout(timer)
  running?.abort()
  compare.hidden = item === undefined
  if (item === undefined) return
  drawnUrl = item.url
  beforeFrame.hidden = !item.picture
  compare.classList.toggle('alone', !item.picture)
  if (item.picture) before.src = item.url
  before.alt = item.file.name
  beforeText.textContent = [bytesText(item.file.size), item.pixels].filter(Boolean).join(' · ')
  if (refusal) return nothing(refusal)
  if (document.querySelector('#to').disabled) return nothing('')
  afterText.textContent = live.comparing
  afterFrame.classList.add('busy')
  timer = setTimeout(() => convert(item), pauseMs)
}

async function convert(item) {
  const turn = new AbortController()
  running = turn
  try {
    const { body, scale, spec } = await reducedCopy(item)
    const answer = await fetch('/preview', {
      method: 'POST',
      headers: json,
      body: formOf(item.file, { ...spec, size: body.size })(body),
      signal: turn.signal,
    })
    if (turn.signal.aborted) return
    const size = Number(answer.headers.get('Herald-Size'))
    if (!answer.ok) {
      const { error } = await answer.json().catch(() => ({}))
      return nothing(error?.message ?? live.noPreview)
    }
    if (answer.status === 204) show(after, undefined)
    else show(after, URL.createObjectURL(await answer.blob()))
    if (turn.signal.aborted) return
    // Larger pictures have less detail per pixel (measured on photographs).
    const whole = size * scale ** 0.85
    afterText.textContent =
      scale > 0
        ? `${scale === 1 ? bytesText(whole) : filled(live.about, { size: bytesText(whole) })} (${changeText(item.file.size, whole)})`
        : ''
    after.alt = live.preview
    afterFrame.classList.remove('busy')
    compare.dataset.done = String(Number(compare.dataset.done ?? 0) + 1)
  } catch {
    if (!turn.signal.aborted) nothing(live.noPreview)
  }
}

function nothing(text) {
  show(after, undefined)
  afterFrame.classList.remove('busy')
  afterText.textContent = text
}

/** A copy of the size of the preview, and by how much larger the whole result will be. */
async function reducedCopy({ file, picture }) {
  const wanted = (name) =>
    Number(document.querySelector(`#${name}`).value) || Number.POSITIVE_INFINITY
  if (!picture) {
    if (file.size > maxWholeBytes) throw new Error('too large to show')
    return {
      body: file,
      scale: 0,
      spec: { width: Math.min(wanted('width'), longestSide), page: '' },
    }
  }
  const { naturalWidth: width, naturalHeight: height } = picture
  const target = Math.min(1, wanted('width') / width, wanted('height') / height)
  const shown = Math.min(target, longestSide / Math.max(width, height))
  if (shown === 1 && file.size < maxWholeBytes) {
    return { body: file, scale: 1, spec: {} }
  }
  const canvas = make('canvas', {
    width: Math.max(1, Math.round(width * shown)),
    height: Math.max(1, Math.round(height * shown)),
  })
  const pen = canvas.getContext('2d')
  pen.imageSmoothingQuality = 'high'
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height)
  const body = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'))
  // The copy has that size already.
  return { body, scale: (target / shown) ** 2, spec: { width: '', height: '' } }
}
