const language = document.documentElement.lang

const unit = (value, name, digits, unitDisplay = 'short') =>
  new Intl.NumberFormat(language, {
    style: 'unit',
    unit: name,
    unitDisplay,
    maximumFractionDigits: digits,
  }).format(value)

export function bytesText(count) {
  if (count < 1000) return unit(count, 'byte', 0, 'long')
  for (const [name, size] of [
    ['kilobyte', 1e3],
    ['megabyte', 1e6],
  ]) {
    if (count < size * 999.5) return unit(count / size, name, count < size * 9.95 ? 1 : 0)
  }
  return unit(count / 1e9, 'gigabyte', 1)
}

export const timeText = (ms) => unit(Math.max(0.1, ms / 1000), 'second', 1)

export const changeText = (before, after) =>
  new Intl.NumberFormat(language, {
    style: 'percent',
    maximumFractionDigits: 0,
    signDisplay: 'exceptZero',
  }).format(after / before - 1)

export const filled = (text, values) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
