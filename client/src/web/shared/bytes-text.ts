// Served to browsers as well: imports nothing.

/** A size as people of that language write it, in powers of 1,000: `825 kB`, `1.2 MB`. */
export function bytesText(count: number, language: string): string {
  const text = (value: number, unit: string, digits: number) =>
    new Intl.NumberFormat(language, {
      style: 'unit',
      unit,
      unitDisplay: unit === 'byte' ? 'long' : 'short',
      maximumFractionDigits: digits,
    }).format(value)
  if (count < 1000) return text(count, 'byte', 0)
  for (const [unit, size] of [
    ['kilobyte', 1e3],
    ['megabyte', 1e6],
  ] as const) {
    if (count < size * 999.5) return text(count / size, unit, count < size * 9.95 ? 1 : 0)
  }
  return text(count / 1e9, 'gigabyte', 1)
}
