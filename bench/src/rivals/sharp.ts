import sharp, { type Sharp } from 'sharp'

// As the converter's children: otherwise the cache would answer for the decoder.
sharp.concurrency(1)
sharp.cache(false)

export { sharp }

export interface Asked {
  readonly format: 'webp' | 'jpeg' | 'avif'
  readonly width: number
}

const shaped = (path: string, width: number) =>
  sharp(path).autoOrient().resize({ width, withoutEnlargement: true })

/** The rendition as Herald makes it, by sharp alone: same size, quality and effort. */
export function bareSharp(path: string, { format, width }: Asked): Promise<Buffer> {
  return encoded(shaped(path, width), format)
}

/** The same and a preview for the mail, the fastest way that was found: both of the same pixels. */
export async function bareSharpWithPreview(path: string, { format, width }: Asked) {
  const { data, info } = await shaped(path, width).raw().toBuffer({ resolveWithObject: true })
  const pixels = () =>
    sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } })
  const preview = pixels().resize({ width: 320, height: 320, fit: 'inside', kernel: 'linear' })
  return Promise.all([
    encoded(pixels(), format),
    preview.jpeg({ quality: 70, optimiseCoding: false }).toBuffer(),
  ])
}

function encoded(picture: Sharp, format: Asked['format']): Promise<Buffer> {
  switch (format) {
    case 'webp':
      return picture.webp({ quality: 80 }).toBuffer()
    case 'jpeg':
      return picture.jpeg({ quality: 82, progressive: true }).toBuffer()
    case 'avif':
      return picture.avif({ quality: 55, effort: 2 }).toBuffer()
  }
}
