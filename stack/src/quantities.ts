/** `184 kB`, `1.2 MB`: powers of 1,000, three digits at the most. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const inThousands = bytes / 1000
  if (inThousands < 999.5) return `${rounded(inThousands)} kB`
  return `${rounded(inThousands / 1000)} MB`
}

const rounded = (value: number) =>
  value < 99.95 ? value.toFixed(1).replace('.0', '') : String(Math.round(value))

/** `412 ms`, `1.3 s`. */
export function durationText(milliseconds: number): string {
  return milliseconds < 999.5
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1000).toFixed(1)} s`
}

/** `2,400 × 1,600`. */
export const pixelsText = (width: number, height: number): string =>
  `${width.toLocaleString('en')} × ${height.toLocaleString('en')}`
