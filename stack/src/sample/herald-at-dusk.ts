import { canvas, gradient } from './canvas.js'
import { drawHerald } from './herald.js'
import { drawMountains } from './mountains.js'
import { drawSea, drawSunRoad } from './sea.js'
import { drawShips } from './ships.js'
import { drawSky } from './sky.js'
import { drawTown, quay } from './town.js'
import { drawWall } from './wall.js'

/** The sample picture, the same bytes in every run: a herald on the city wall, at dusk. */
export function drawHeraldAtDusk(): string {
  const { width, height } = canvas
  const sky = drawSky()
  const mountains = drawMountains()
  const sea = drawSea()
  const town = drawTown()
  const ships = drawShips()
  const wall = drawWall()
  const herald = drawHerald()
  const defs = [sky, mountains, sea, town, ships, wall, herald].map((part) => part.defs)
  defs.push(
    '<filter id="soft1"><feGaussianBlur stdDeviation=".8"/></filter>',
    gradient('corbel', 'down', [
      { at: 0, color: '#3a2236' },
      { at: 1, color: '#140b1f' },
    ]),
    '<radialGradient id="vignette" cx=".56" cy=".52" r=".78"><stop offset=".55" stop-color="#0b0620" stop-opacity="0"/><stop offset="1" stop-color="#0b0620" stop-opacity=".62"/></radialGradient>',
    '<filter id="grain" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB"><feTurbulence type="fractalNoise" baseFrequency=".72" numOctaves="2" seed="4"/><feColorMatrix values="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 0 0 0 0 1"/></filter>',
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    '<title>The herald on the city wall at dusk</title>',
    `<defs>${defs.join('\n')}</defs>`,
    sky.body,
    mountains.body,
    sea.body,
    `<g opacity=".62" filter="url(#mirror)"><use href="#town" transform="translate(0 ${2 * quay}) scale(1 -1)"/></g>`,
    town.body,
    `<g opacity=".55" filter="url(#mirror)">${ships.mirrored}</g>`,
    drawSunRoad(),
    ships.body,
    `<g transform="translate(560 1300)">${herald.body}</g>`,
    wall.body,
    `<rect width="${width}" height="${height}" fill="url(#vignette)"/>`,
    `<rect width="${width}" height="${height}" filter="url(#grain)" style="mix-blend-mode:soft-light" opacity=".2"/>`,
    '</svg>',
    '',
  ].join('\n')
}
