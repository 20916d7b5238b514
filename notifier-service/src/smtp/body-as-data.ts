const dot = Buffer.from('.')
const end = Buffer.from('.\r\n')
const lineEnd = Buffer.from('\r\n')

/** A body as it goes over the wire after DATA: leading dots doubled, the last line a dot (RFC 5321 §4.5.2). */
export function bodyAsData(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  let from = 0
  if (bytes[0] === 0x2e) parts.push(dot)
  for (let at = bytes.indexOf('\n.'); at >= 0; at = bytes.indexOf('\n.', at + 1)) {
    parts.push(bytes.subarray(from, at + 1), dot)
    from = at + 1
  }
  parts.push(bytes.subarray(from))
  if (!bytes.subarray(-2).equals(lineEnd)) parts.push(lineEnd)
  parts.push(end)
  return Buffer.concat(parts)
}
