import sharp from 'sharp'

/** Where two neighbours differ by less, compression decides which is lighter. */
const margin = 4

/**
 * What a picture looks like, in a line: its size and pages, which of 64 places are lighter and
 * which darker than their left neighbours, and its mean colour on white.
 */
export async function fingerprint(bytes: Buffer): Promise<string> {
  const {
    width,
    height,
    pageHeight,
    pages = 1,
  } = await sharp(bytes, { pages: -1 })
    .metadata()
    .catch(() => sharp(bytes).metadata())
  const shown = await sharp(bytes)
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .png()
    .toBuffer()
  const grey = await sharp(shown)
    // A kernel that rings would make a light seam beside every dark one.
    .resize(9, 8, { fit: 'fill', kernel: 'linear' })
    .toColourspace('b-w')
    .raw()
    .toBuffer()
  const steps = Array.from({ length: 64 }, (_, at) => {
    const left = Math.floor(at / 8) * 9 + (at % 8)
    return (grey[left + 1] ?? 0) - (grey[left] ?? 0)
  })
  const lighter = steps.map((step) => (step > margin ? '1' : '0')).join('')
  const darker = steps.map((step) => (step < -margin ? '1' : '0')).join('')
  const mean = (await sharp(shown).stats()).channels
    .slice(0, 3)
    .map((each) => Math.round(each.mean))
  const [red = 0, green = red, blue = red] = mean
  const hash = BigInt(`0b${lighter}${darker}`).toString(16).padStart(32, '0')
  const size = `${width}x${pageHeight ?? height}x${pages}`
  return `${size} ${hash} ${Buffer.from([red, green, blue]).toString('hex')}`
}

/** The difference of two pictures by their fingerprints; undefined if there is none. */
export function differs(seen: string, expected: string): string | undefined {
  const [size, hash = '', mean = ''] = seen.split(' ')
  const [size2, hash2 = '', mean2 = ''] = expected.split(' ')
  if (size !== size2) return `is ${size}, not ${size2}`
  if (hash === '') return undefined
  const apart = (BigInt(`0x${hash}`) ^ BigInt(`0x${hash2}`)).toString(2).replaceAll('0', '').length
  if (apart > 8) return `looks different in ${apart} of 128 ways`
  const colours = [mean, mean2].map((each) => [...Buffer.from(each, 'hex')])
  const shift = Math.max(
    ...(colours[0] ?? []).map((one, at) => Math.abs(one - (colours[1]?.[at] ?? 0))),
  )
  return shift > 6 ? `is ${mean} on the whole, not ${mean2}` : undefined
}
