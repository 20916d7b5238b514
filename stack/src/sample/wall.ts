import { canvas, gradient, n, outline, type Point, rimLight } from './canvas.js'
import { hand } from './random.js'

/** The bastion we look at: a round tower that fills the lower left. */
const tower = { left: -170, right: 985, top: 1232, parapet: 118 } as const
const middle = (tower.left + tower.right) / 2
const radius = (tower.right - tower.left) / 2

/** How far a course of stones at horizontal position `x` hangs lower, seen from a little above. */
const sag = (x: number) => 46 * Math.sqrt(Math.max(0, 1 - ((x - middle) / radius) ** 2))

/** A city wall in the last light, merlons, corbels and one lit slit. */
export function drawWall(): { defs: string; body: string } {
  const defs = [
    gradient('masonry', 'right', [
      { at: 0, color: '#150d22' },
      { at: 0.5, color: '#2a1931' },
      { at: 0.8, color: '#5a3140' },
      { at: 0.95, color: '#b3694c' },
      { at: 1, color: '#e79a62' },
    ]),
    '<filter id="stone" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">' +
      '<feTurbulence type="fractalNoise" baseFrequency="0.055 0.07" numOctaves="5" seed="15" result="grit"/>' +
      '<feDiffuseLighting surfaceScale="7" diffuseConstant="1.25" lighting-color="#fff"><feDistantLight azimuth="-25" elevation="52"/></feDiffuseLighting>' +
      '<feComposite in2="SourceGraphic" operator="arithmetic" k1="0.95" k3="0.12"/>' +
      '<feComposite in2="SourceAlpha" operator="in"/></filter>',
    rimLight('rimWall', { dx: -4, dy: 4, color: '#ffb56f', soft: 1, strength: 0.85 }),
    gradient('wallShade', 'down', [
      { at: 0, color: '#0b0718', opacity: 0 },
      { at: 1, color: '#0b0718', opacity: 0.8 },
    ]),
  ]
  const lip = tower.top + tower.parapet
  const shaft = curved(lip, canvas.height + 60)
  const body =
    `<g filter="url(#stone)"><path d="${outline(shaft)}" fill="url(#masonry)"/>${courses(lip + 26, canvas.height + 60, 21)}</g>` +
    `${corbels(lip)}` +
    `<g filter="url(#rimWall)"><g filter="url(#stone)"><path d="${outline([...parapet()])}" fill="url(#masonry)"/>${courses(tower.top + 44, lip, 34)}</g></g>` +
    `<path d="${outline(curved(lip - 4, lip + 46))}" fill="#0b0718" opacity=".34" filter="url(#soft14)"/>` +
    `<path d="M520 1478q0 -26 13 -34q13 8 13 34v74h-26z" fill="#ffcf74" filter="url(#windowGlow)"/><path d="M530 1446h5v106h-5zM520 1492h26v4h-26z" fill="#5d3530"/>` +
    `<rect y="1230" width="${tower.right + 10}" height="370" fill="url(#wallShade)" opacity=".55"/>`
  return { defs: defs.join('\n'), body }
}

/** The band of the cylinder between two heights. */
function curved(top: number, bottom: number): Point[] {
  const along = Array.from({ length: 61 }, (_, index) => tower.left + (index / 60) * 2 * radius)
  return [
    ...along.map((x): Point => [x, top + sag(x)]),
    ...along.reverse().map((x): Point => [x, bottom + sag(x)]),
  ]
}

/** Merlons of equal width around the cylinder, hence narrower towards its side. */
function parapet(): Point[] {
  const points: Point[] = []
  const teeth = 16
  const at = (angle: number): number => middle - radius * Math.cos(angle)
  for (let tooth = 0; tooth < teeth; tooth++) {
    const from = (tooth / teeth) * Math.PI
    const to = ((tooth + 1) / teeth) * Math.PI
    const rise = tooth % 2 === 0 ? 72 : 0
    for (let part = 0; part <= 4; part++) {
      const x = at(from + ((to - from) * part) / 4)
      points.push([x, tower.top + sag(x) - rise])
    }
  }
  return [...points, ...curved(tower.top, tower.top + tower.parapet).slice(61)]
}

function courses(top: number, bottom: number, seed: number): string {
  const { between } = hand(seed)
  const stones: string[] = []
  for (let y = top - 118 - 40; y < bottom; y += 44) {
    for (let x = tower.left + between(0, 60); x < tower.right - 6; ) {
      const squeeze = Math.sqrt(Math.max(0.03, 1 - ((x - middle) / radius) ** 2))
      const width = between(62, 118) * squeeze
      const end = Math.min(tower.right, x + width)
      const light = between(-1, 1)
      if (y >= top)
        stones.push(
          `<path d="M${n(x)} ${n(y + sag(x))}L${n(end)} ${n(y + sag(end))}v44L${n(x)} ${n(y + 44 + sag(x))}z" ` +
            `fill="${light > 0 ? '#ffbd8a' : '#07030f'}" fill-opacity="${Math.abs(light * 0.17).toFixed(2)}" stroke="#0d0716" stroke-opacity=".75" stroke-width="${n(1.2 + 2.2 * squeeze)}"/>`,
        )
      x = end
    }
  }
  return stones.join('')
}

function corbels(y: number): string {
  const count = 32
  const drawn = Array.from({ length: count }, (_, index) => {
    const x = middle - radius * 0.985 * Math.cos((index + 0.5) * (Math.PI / count))
    const squeeze = Math.sqrt(Math.max(0.02, 1 - ((x - middle) / radius) ** 2))
    const half = 15 * squeeze + 3
    const top = y + sag(x) - 8
    return `<path d="M${n(x - half)} ${n(top)}h${n(2 * half)}v26q0 24 ${n(-half)} 32q${n(-half)} -8 ${n(-half)} -32z"/>`
  })
  return `<g filter="url(#rimWall)"><g fill="url(#corbel)">${drawn.join('')}</g></g>`
}
