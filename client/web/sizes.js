import { bytesText as bytesIn } from './bytes-text.js'

const language = document.documentElement.lang

export const bytesText = (count) => bytesIn(count, language)

export const timeText = (ms) =>
  new Intl.NumberFormat(language, {
    style: 'unit',
    unit: 'second',
    unitDisplay: 'short',
    maximumFractionDigits: 1,
  }).format(Math.max(0.1, ms / 1000))

/** Only an empty file is 100 % smaller. */
export const changeText = (before, after) =>
  new Intl.NumberFormat(language, {
    style: 'percent',
    maximumFractionDigits: 0,
    signDisplay: 'exceptZero',
  }).format(Math.max(after / before - 1, after > 0 ? -0.99 : -1))

export const filled = (text, values) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
