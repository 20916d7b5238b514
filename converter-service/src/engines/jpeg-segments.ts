const adobe = 'Adobe'

/**
 * The JPEG without what describes it: EXIF, XMP, IPTC, profiles, comments, thumbnails, and what
 * phones append behind the end (ITU-T T.81, annex B). Undefined where it is not built as it should be.
 */
export function bareJpeg(bytes: Buffer): Buffer | undefined {
  const kept: Buffer[] = [bytes.subarray(0, 2)]
  let at = 2
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1] ?? 0
    if (marker === 0xff) {
      at++
      continue
    }
    if (marker === 0xd9) break
    const end = at + 2 + bytes.readUInt16BE(at + 2)
    if (end > bytes.length) return undefined
    const isScan = marker === 0xda
    const next = isScan ? endOfScan(bytes, end) : end
    if (isNeeded(bytes, at, marker)) kept.push(bytes.subarray(at, next))
    at = next
  }
  if (bytes[at] !== 0xff || bytes[at + 1] !== 0xd9) return undefined
  return Buffer.concat([...kept, bytes.subarray(at, at + 2)])
}

/** Adobe's segment says how the colours are coded; no other of its kind is part of the picture. */
function isNeeded(bytes: Buffer, at: number, marker: number): boolean {
  if (marker === 0xfe) return false
  if (marker < 0xe0 || marker > 0xef) return true
  return marker === 0xee && bytes.toString('latin1', at + 4, at + 4 + adobe.length) === adobe
}

/** Where the next marker is: within a scan 0xff stands before a zero or a restart only. */
function endOfScan(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at
  }
  return bytes.length
}
