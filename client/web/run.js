import { keepRows } from './live.js'

keepRows(`${location.pathname}/events`)
