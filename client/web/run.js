import { keepRows } from './live.js'

keepRows(`${location.pathname}/events`, () => {
  document.querySelector('#zip').hidden = !document.querySelector('.row.converted')
})
