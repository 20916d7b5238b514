/** One page of a TIFF, uncompressed in one strip. */
export interface TiffPage {
  readonly width: number
  readonly height: number
  /** Bits of each sample; a multiple of 8. */
  readonly bits: number
  /** 1 unsigned, 2 signed, 3 floating point. */
  readonly sampleFormat?: 1 | 2 | 3
  /** 1 grey, 2 RGB, 5 inks, 8 CIE L*a*b*, 9 ICC L*a*b*. */
  readonly photometric: number
  /** Of one pixel, all alike. */
  readonly pixel: readonly number[]
  /** 0 of unknown use, 1 alpha, premultiplied, 2 alpha. */
  readonly extraSamples?: readonly number[]
  /** Dots per inch, across and down. */
  readonly dpi?: readonly [number, number]
  readonly icc?: Buffer
}

/** A TIFF of one colour throughout, little end first (TIFF 6.0 §2). */
export function tiffFile(page: TiffPage): Buffer {
  const { width, height, bits, sampleFormat = 1, photometric, pixel, extraSamples, dpi, icc } = page
  const samples = pixel.length
  const pixels = Buffer.concat(Array(width * height).fill(encode(pixel, bits, sampleFormat)))
  const beside: Buffer[] = [pixels]
  let end = 8 + pixels.length
  const entry = (tag: number, type: 3 | 4 | 5 | 7, values: readonly number[]) => {
    const bytes = Buffer.alloc(12)
    bytes.writeUInt16LE(tag, 0)
    bytes.writeUInt16LE(type, 2)
    bytes.writeUInt32LE(type === 5 ? values.length / 2 : values.length, 4)
    const value = Buffer.alloc(values.length * { 3: 2, 4: 4, 5: 4, 7: 1 }[type])
    for (const [at, each] of values.entries()) {
      if (type === 7) value.writeUInt8(each, at)
      else if (type === 3) value.writeUInt16LE(each, at * 2)
      else value.writeUInt32LE(each, at * 4)
    }
    if (value.length <= 4) value.copy(bytes, 8)
    else {
      bytes.writeUInt32LE(end, 8)
      beside.push(value)
      end += value.length
    }
    return bytes
  }
  const entries = [
    entry(256, 4, [width]),
    entry(257, 4, [height]),
    entry(258, 3, Array(samples).fill(bits)),
    entry(259, 3, [1]),
    entry(262, 3, [photometric]),
    entry(273, 4, [8]),
    entry(277, 3, [samples]),
    entry(278, 4, [height]),
    entry(279, 4, [pixels.length]),
    ...(dpi ? [entry(282, 5, [dpi[0], 1]), entry(283, 5, [dpi[1], 1]), entry(296, 3, [2])] : []),
    ...(extraSamples ? [entry(338, 3, extraSamples)] : []),
    entry(339, 3, Array(samples).fill(sampleFormat)),
    ...(icc ? [entry(34675, 7, [...icc])] : []),
  ]
  const head = Buffer.from('II*\0\0\0\0\0', 'latin1')
  head.writeUInt32LE(end, 4)
  const count = Buffer.alloc(2)
  count.writeUInt16LE(entries.length)
  return Buffer.concat([head, ...beside, count, ...entries, Buffer.alloc(4)])
}

function encode(values: readonly number[], bits: number, sampleFormat: number): Buffer {
  const bytes = Buffer.alloc((values.length * bits) / 8)
  for (const [index, value] of values.entries()) {
    const at = (index * bits) / 8
    if (sampleFormat === 3)
      bits === 64 ? bytes.writeDoubleLE(value, at) : bytes.writeFloatLE(value, at)
    else if (value < 0) bytes.writeIntLE(value, at, bits / 8)
    else bytes.writeUIntLE(value, at, bits / 8)
  }
  return bytes
}
