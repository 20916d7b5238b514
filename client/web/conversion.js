import { drawn, listen, page, showProgress, swap } from './live.js'

listen(`/c/${page.token}/events`, (kind, event) => {
  const article = document.querySelector('#conversion article')
  if (kind === 'progress') showProgress(article, event)
  else if (kind === 'removed' || event.deleted) location.reload()
  else swap(article, drawn(event.html))
})
