/** The picture's size in pixels, and where its lines meet. */
export const canvas = { width: 2400, height: 1600, horizon: 905 } as const

/** The sun, which every lit edge answers to. */
export const sun = { x: 1395, y: 812, radius: 60 } as const

/** A number as it stands in the file: a tenth of a pixel is enough. */
export const n = (value: number): string => String(Math.round(value * 10) / 10)

export type Point = readonly [x: number, y: number]

/** A closed outline through `points`. */
export const outline = (points: readonly Point[]): string =>
  `M${points.map(([x, y]) => `${n(x)} ${n(y)}`).join('L')}Z`

export interface Stop {
  readonly at: number
  readonly color: string
  readonly opacity?: number
}

const stops = (list: readonly Stop[]): string =>
  list
    .map(({ at, color, opacity }) => {
      const shade = opacity === undefined ? '' : ` stop-opacity="${opacity}"`
      return `<stop offset="${at}" stop-color="${color}"${shade}/>`
    })
    .join('')

/** A linear gradient over the painted thing's box, from the top down or from the left. */
export const gradient = (id: string, direction: 'down' | 'right', list: readonly Stop[]): string =>
  `<linearGradient id="${id}" ${direction === 'down' ? 'x2="0" y2="1"' : 'x2="1" y2="0"'}>${stops(list)}</linearGradient>`

/** A round gradient in the canvas' own pixels. */
export const glow = (id: string, [x, y]: Point, radius: number, list: readonly Stop[]): string =>
  `<radialGradient id="${id}" gradientUnits="userSpaceOnUse" cx="${x}" cy="${y}" r="${radius}">${stops(list)}</radialGradient>`

/**
 * A filter that lights the edges facing the sun: what of the shape is not covered by itself
 * shifted away from the light.
 */
export const rimLight = (
  id: string,
  {
    dx,
    dy,
    color,
    soft,
    strength,
  }: { dx: number; dy: number; color: string; soft: number; strength: number },
): string =>
  `<filter id="${id}" x="-10%" y="-10%" width="120%" height="120%" color-interpolation-filters="sRGB">` +
  `<feOffset in="SourceAlpha" dx="${dx}" dy="${dy}" result="away"/>` +
  `<feComposite in="SourceAlpha" in2="away" operator="out"/><feGaussianBlur stdDeviation="${soft}" result="edge"/>` +
  `<feFlood flood-color="${color}" flood-opacity="${strength}"/><feComposite in2="edge" operator="in"/>` +
  `<feComposite in2="SourceAlpha" operator="in" result="light"/>` +
  `<feMerge><feMergeNode in="SourceGraphic"/><feMergeNode in="light"/></feMerge></filter>`
