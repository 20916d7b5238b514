const units = ['bytes', 'kB', 'MB', 'GB', 'TB']

/** Bytes for people: `1.2 MB`, `12.3 MB`, `184 kB`, 1 kB being 1,000 bytes. */
export function size(bytes: number): string {
  let value = bytes
  let unit = 0
  // What would be rounded to 1,000 is one of the next unit.
  for (; value >= 999.5 && unit < units.length - 1; unit += 1) value /= 1000
  if (unit === 0) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`
  return `${value >= 99.95 ? Math.round(value) : Number(value.toFixed(1))} ${units[unit]}`
}

/** How much smaller than before: `−85 %`, `+12 %`, `same size`; undefined when there was nothing before. */
export function change(before: number, after: number): string | undefined {
  if (before <= 0) return undefined
  const percent = ((after - before) / before) * 100
  const rounded = Math.round(percent)
  // Almost nothing is not nothing, and almost all is not all.
  const shown = after > 0 && rounded === -100 ? -99 : rounded
  if (shown === 0) return 'same size'
  return `${shown < 0 ? '−' : '+'}${Math.abs(shown)} %`
}

/** `1,600 × 1,200 px`, pages or frames where there are several; empty where it has no pixels. */
export function extent({ width, height, pages }: { width: number; height: number; pages: number }) {
  const pixels = width > 0 && height > 0 ? `${grouped(width)} × ${grouped(height)} px` : ''
  const several = pages > 1 ? `${grouped(pages)} pages` : ''
  return [pixels, several].filter((part) => part !== '').join(', ')
}

/** Milliseconds for people: `412 ms`, `3.2 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

const months =
  'January February March April May June July August September October November December'

/** `14 March 2026, 09:05:07 UTC`. The reader's own zone is not known. */
export function moment(unixMs: number): string {
  const at = new Date(unixMs)
  if (Number.isNaN(at.getTime())) return ''
  const time = at.toISOString().slice(11, 19)
  return `${at.getUTCDate()} ${months.split(' ')[at.getUTCMonth()]} ${at.getUTCFullYear()}, ${time} UTC`
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
