import { canvas, gradient, outline, type Point } from './canvas.js'
import { hand } from './random.js'

interface Ridge {
  seed: number
  /** Height of the ridge line above the horizon, in pixels, at the left, middle and right. */
  heights: readonly number[]
  rough: number
  top: string
  foot: string
}

/** From the farthest, nearly sky, to the nearest. */
const ridges: readonly Ridge[] = [
  {
    seed: 5,
    heights: [225, 350, 205, 70, 34, 62, 190, 265, 340],
    rough: 0.2,
    top: '#c2627a',
    foot: '#fdbb83',
  },
  {
    seed: 9,
    heights: [310, 215, 125, 36, 4, 14, 90, 190, 270],
    rough: 0.17,
    top: '#9a4a76',
    foot: '#f3a079',
  },
  {
    seed: 14,
    heights: [190, 150, 66, 8, 3, 3, 26, 85, 210],
    rough: 0.14,
    top: '#6d3a70',
    foot: '#cf7a72',
  },
]

/** Mountains in haze, each range paler than the one before it; open towards the sun. */
export function drawMountains(): { defs: string; body: string } {
  const defs = ridges.map(({ top, foot }, index) =>
    gradient(`ridge${index}`, 'down', [
      { at: 0, color: top },
      { at: 1, color: foot },
    ]),
  )
  defs.push(
    // Light on noise gives the slopes their faces.
    '<filter id="slopes" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">' +
      '<feTurbulence type="fractalNoise" baseFrequency="0.0075 0.0062" numOctaves="5" seed="6" result="rock"/>' +
      '<feDiffuseLighting surfaceScale="30" diffuseConstant="1.1" lighting-color="#ffe6c8"><feDistantLight azimuth="-12" elevation="48"/></feDiffuseLighting>' +
      '<feComposite in2="SourceGraphic" operator="arithmetic" k1="0.5" k3="0.58"/>' +
      '<feComposite in2="SourceAlpha" operator="in"/></filter>',
    gradient('haze', 'down', [
      { at: 0, color: '#ffc58c', opacity: 0 },
      { at: 1, color: '#ffd09a', opacity: 0.75 },
    ]),
  )
  const body = ridges.map(
    (ridge, index) =>
      `<path d="${outline(ridgeLine(ridge))}" fill="url(#ridge${index})" filter="url(#slopes)"/>` +
      `<rect y="${canvas.horizon - 130}" width="${canvas.width}" height="135" fill="url(#haze)" opacity="${0.75 - index * 0.18}"/>`,
  )
  return { defs: defs.join('\n'), body: body.join('\n') }
}

/** Midpoint displacement over the given heights. */
function ridgeLine({ seed, heights, rough }: Ridge): Point[] {
  const { between } = hand(seed)
  let line = [...heights]
  for (let spread = rough * 260; line.length < 400; spread *= 0.56) {
    line = line.flatMap((height, index) => {
      const next = line[index + 1]
      if (next === undefined) return [height]
      const middle = (height + next) / 2
      return [height, middle + between(-spread, spread) * Math.min(1, middle / 120)]
    })
  }
  const step = canvas.width / (line.length - 1)
  return [
    ...line.map((height, index): Point => [index * step, canvas.horizon - Math.max(2, height)]),
    [canvas.width, canvas.horizon + 8],
    [0, canvas.horizon + 8],
  ]
}
