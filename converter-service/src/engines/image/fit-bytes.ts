import { HeraldError } from '@herald/proto/errors'

/** An encoded picture. */
interface Encoded<Info> {
  readonly data: Buffer
  readonly info: Info
}

/** The first guess of the change in size per step of quality: 2 %. */
const usualSlope = 0.02

/**
 * The best quality, at most `most`, whose result has at most `maxBytes`. A search between the largest
 * quality that fits and the smallest that does not; guesses assume that sizes grow exponentially with
 * quality.
 * Rejects with HERALD_CANNOT_FIT when not even quality 1 fits.
 */
export async function fitBytes<Info>(
  maxBytes: number,
  most: number,
  encode: (quality: number) => Promise<Encoded<Info>>,
): Promise<Encoded<Info> & { readonly quality: number }> {
  const sizes = new Map<number, number>()
  let best: (Encoded<Info> & { readonly quality: number }) | undefined
  let low = 0
  let high = most + 1
  for (let quality = most; low + 1 < high; quality = guess(sizes, low, high, maxBytes)) {
    const encoded = await encode(quality)
    sizes.set(quality, encoded.data.length)
    if (encoded.data.length <= maxBytes) {
      best = { ...encoded, quality }
      low = quality
    } else high = quality
  }
  if (best) return best
  throw cannotFit(maxBytes, sizes.get(1) ?? 0)
}

/** The next quality to try; the middle after a few attempts. */
function guess(sizes: ReadonlyMap<number, number>, low: number, high: number, maxBytes: number) {
  const lowest = low + 1
  const highest = high - 1
  if (sizes.size > 4) return Math.floor((lowest + highest) / 2)
  const above = Math.log(sizes.get(high) as number)
  const below = sizes.get(low)
  const slope =
    below === undefined ? usualSlope : Math.max((above - Math.log(below)) / (high - low), 1e-6)
  const guessed = Math.round(high - (above - Math.log(maxBytes)) / slope)
  return Math.min(highest, Math.max(lowest, guessed))
}

function cannotFit(maxBytes: number, smallest: number): HeraldError {
  const figure = (value: number) => value.toLocaleString('en')
  return new HeraldError(
    'HERALD_CANNOT_FIT',
    `At its lowest quality this rendition still has ${figure(smallest)} bytes; the requested limit is ${figure(maxBytes)}.`,
    { remedy: `Request a smaller width or height, or allow ${figure(smallest)} bytes.` },
  )
}
