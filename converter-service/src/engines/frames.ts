import { type Crop, type Shaping, shape } from './shape.js'
import { type Sharp, sharp } from './sharp.js'

/** Whether sharp must look at the pixels to know where to crop. */
function looksAtPixels({ plan }: Shaping): boolean {
  const crops = plan.fit === 'cover' && plan.width !== undefined && plan.height !== undefined
  return crops && (plan.gravity === 'attention' || plan.gravity === 'entropy')
}

/** Whether the frames have to be shaped one by one: of several at once libvips can do neither. */
export function needsSingleFrames(shaping: Shaping): boolean {
  return shaping.pages > 1 && (shaping.plan.rotate !== 0 || looksAtPixels(shaping))
}

/** Shapes each frame by itself and puts them together; their times have to be told to the encoder. */
export async function shapeFrames(shaping: Shaping): Promise<Sharp> {
  const { picture, pages } = shaping
  const frames: Buffer[] = []
  let crop: Crop | undefined
  let size = { width: 0, height: 0 }
  for (let page = 0; page < pages; page++) {
    const shaped = await shape({
      ...shaping,
      pages: 1,
      picture: { ...picture, read: (options) => picture.read({ ...options, page }) },
      ...(crop ? { crop } : {}),
    })
    const { data, info } = await shaped.ensureAlpha().raw().toBuffer({ resolveWithObject: true })
    size = { width: info.width, height: info.height }
    // What draws the eye in the first frame is shown of all: else the picture would jump.
    if (looksAtPixels(shaping)) crop ??= { ...size, ...offsetOf(info) }
    frames.push(data)
  }
  const { width, height } = size
  return sharp(Buffer.concat(frames), {
    raw: { width, height: height * pages, channels: 4, pageHeight: height },
    limitInputPixels: false,
  })
}

/** sharp tells how far the picture was moved, which is to the left and up. */
function offsetOf(info: {
  cropOffsetLeft?: number | undefined
  cropOffsetTop?: number | undefined
}) {
  return { left: Math.abs(info.cropOffsetLeft ?? 0), top: Math.abs(info.cropOffsetTop ?? 0) }
}
