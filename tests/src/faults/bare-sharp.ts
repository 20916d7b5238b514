import sharp from 'sharp'
import type { BareAnswer, BareTask } from './bare-sharp-process.js'

// The same settings as in the converter's children; what differs then is Herald.
sharp.concurrency(1)
sharp.cache(false)

process.on('message', async ({ path, maxPixels, width }: BareTask) => {
  const answer = (message: BareAnswer) => process.send?.(message)
  try {
    const { format } = await sharp(path, { failOn: 'error', limitInputPixels: false }).metadata()
    const animates = format === 'gif' || format === 'webp'
    const { info } = await sharp(path, {
      failOn: 'error',
      limitInputPixels: maxPixels,
      ...(animates ? { animated: true } : { autoOrient: true }),
    })
      .resize({ width, withoutEnlargement: format !== 'svg' })
      .webp()
      .toBuffer({ resolveWithObject: true })
    answer({ converted: true, width: info.width, height: info.pageHeight ?? info.height })
  } catch (error) {
    answer({ converted: false, reason: String((error as Error).message).split('\n')[0] ?? '' })
  }
})
