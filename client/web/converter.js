// Waits until the converter can be reached.
import { page } from './live.js'

const pauseMs = 2000

/** Loads the page again until the converter can be reached, then copies its formats and limits. */
export async function waitForConverter(ready) {
  const notice = document.querySelector('#away')
  while (notice?.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    if (document.hidden) continue
    const html = await fetch('/').then(
      (answer) => answer.text(),
      () => '',
    )
    const next = new DOMParser().parseFromString(html, 'text/html')
    const target = next.querySelector('#to')
    if (!target || next.querySelector('#away')) continue
    const { readable, maxBytes } = JSON.parse(next.body.dataset.page)
    Object.assign(page, { readable, maxBytes })
    const mine = document.querySelector('#to')
    if (mine.disabled) {
      // Taking an option out of a list selects the next one, and it stays selected in the other.
      const { value } = target
      mine.replaceChildren(...target.children)
      mine.value = value
    }
    mine.disabled = document.querySelector('#send').disabled = false
    notice.remove()
    ready()
  }
}
