import sharp from 'sharp'

// As the converter's children: otherwise the cache would answer for the decoder.
sharp.concurrency(1)
sharp.cache(false)

export { sharp }

export interface Asked {
  readonly format: 'webp' | 'jpeg' | 'avif'
  readonly width: number
}

/** The rendition as Herald makes it, by sharp alone: same size, quality and effort. */
export function bareSharp(path: string, { format, width }: Asked): Promise<Buffer> {
  const picture = sharp(path).autoOrient().resize({ width, withoutEnlargement: true })
  switch (format) {
    case 'webp':
      return picture.webp({ quality: 80 }).toBuffer()
    case 'jpeg':
      return picture.jpeg({ quality: 82, progressive: true }).toBuffer()
    case 'avif':
      return picture.avif({ quality: 55, effort: 2 }).toBuffer()
  }
}
