import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sharp } from './rivals/sharp.js'

/**
 * Generates a JPEG of 6 MP and 0.8 MB that costs as much as a photograph: soft shapes under a grain.
 */
export async function makePhotograph(folder: string): Promise<string> {
  const width = 2728
  const height = 2200
  const circles = Array.from({ length: 60 }, (_, index) => {
    const x = (index * 977) % width
    const y = (index * 613) % height
    const colour = `hsl(${(index * 47) % 360} 60% ${30 + ((index * 13) % 45)}%)`
    return `<circle cx="${x}" cy="${y}" r="${80 + ((index * 71) % 420)}" fill="${colour}" opacity="0.7"/>`
  })
  const shapes = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#9bc"/>${circles.join('')}</svg>`,
  )
  // One fine, one coarse enough to remain in a small rendition.
  const layers = [await grain(width, height, 1, 40), await grain(width, height, 4, 40)]
  const bytes = await sharp(shapes)
    .blur(4)
    .composite(layers.map((input) => ({ input, blend: 'soft-light' })))
    .jpeg({ quality: 80 })
    .toBuffer()
  const path = join(folder, 'photograph.jpg')
  await writeFile(path, bytes)
  return path
}

/** Noise with grains of `size` pixels. */
async function grain(width: number, height: number, size: number, sigma: number): Promise<Buffer> {
  const noise = await sharp({
    create: {
      width: Math.ceil(width / size),
      height: Math.ceil(height / size),
      channels: 3,
      background: '#808080',
      noise: { type: 'gaussian', mean: 128, sigma },
    },
  })
    .blur(1)
    .png({ compressionLevel: 1 })
    .toBuffer()
  return sharp(noise).resize({ width, height }).png({ compressionLevel: 1 }).toBuffer()
}

/** Generates a JPEG of 20 MB, the size that cameras write. */
export async function makeLargePhotograph(folder: string): Promise<string> {
  const path = join(folder, 'large-photograph.jpg')
  await sharp(await grain(5200, 3900, 1, 60))
    .jpeg({ quality: 97, chromaSubsampling: '4:4:4' })
    .toFile(path)
  return path
}
