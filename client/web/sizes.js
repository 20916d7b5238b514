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

export const changeText = (before, after) =>
  new Intl.NumberFormat(language, {
    style: 'percent',
    maximumFractionDigits: 0,
    signDisplay: 'exceptZero',
  }).format(after / before - 1)

export const filled = (text, values) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
