import sharp, { type Sharp } from 'sharp'

// As in the converter's child processes. A cache would skip the decoding.
sharp.concurrency(1)
sharp.cache(false)

export { sharp }

export interface RenditionRequest {
  readonly format: 'webp' | 'jpeg' | 'avif'
  readonly width: number
}

const shaped = (path: string, width: number) =>
  sharp(path).autoOrient().resize({ width, withoutEnlargement: true })

/** The same rendition by sharp alone: same size, quality and effort. */
export function bareSharp(path: string, { format, width }: RenditionRequest): Promise<Buffer> {
  return encoded(shaped(path, width), format)
}

/** The same with a preview for the mail. Both from the same pixels, which was the fastest way found. */
export async function bareSharpWithPreview(path: string, { format, width }: RenditionRequest) {
  const { data, info } = await shaped(path, width).raw().toBuffer({ resolveWithObject: true })
  const pixels = () =>
    sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } })
  const preview = pixels().resize({ width: 320, height: 320, fit: 'inside', kernel: 'linear' })
  return Promise.all([
    encoded(pixels(), format),
    preview.jpeg({ quality: 70, optimiseCoding: false }).toBuffer(),
  ])
}

function encoded(picture: Sharp, format: RenditionRequest['format']): Promise<Buffer> {
  switch (format) {
    case 'webp':
      return picture.webp({ quality: 80 }).toBuffer()
    case 'jpeg':
      return picture.jpeg({ quality: 82, progressive: true }).toBuffer()
    case 'avif':
      return picture.avif({ quality: 55, effort: 2 }).toBuffer()
  }
}
