import { canvas, gradient, n, outline, type Point, rimLight } from './canvas.js'
import { type Hand, hand } from './random.js'

/** Where the town's quay meets the water. */
export const quay = 985

/** A harbour town on its hill, the first windows lit. */
export function drawTown(): { defs: string; body: string } {
  const defs = [
    gradient('hill', 'down', [
      { at: 0, color: '#5b2f5c' },
      { at: 1, color: '#3a2149' },
    ]),
    gradient('front', 'right', [
      { at: 0, color: '#c2705f' },
      { at: 0.22, color: '#7d4560' },
      { at: 1, color: '#452850' },
    ]),
    gradient('frontPale', 'right', [
      { at: 0, color: '#de9270' },
      { at: 0.25, color: '#95566a' },
      { at: 1, color: '#543159' },
    ]),
    gradient('stoneFront', 'right', [
      { at: 0, color: '#c7795f' },
      { at: 0.3, color: '#6f3f5d' },
      { at: 1, color: '#352147' },
    ]),
    gradient('beam', 'right', [
      { at: 0, color: '#fff0b8', opacity: 0.5 },
      { at: 1, color: '#fff0b8', opacity: 0 },
    ]),
    '<filter id="windowGlow" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="5" result="b"/>' +
      '<feMerge><feMergeNode in="b"/><feMergeNode in="b"/><feMergeNode in="SourceGraphic"/></feMerge></filter>',
    rimLight('rimFar', { dx: 2.5, dy: 1, color: '#ffc27d', soft: 0.5, strength: 0.7 }),
  ]
  const random = hand(1492)
  const windows: string[] = []
  const tiers = [0, 1, 2, 3, 4, 5, 6].map((tier) => houses(random, tier, windows))
  const body =
    `<g id="town">` +
    `<path d="${outline(hillside())}" fill="url(#hill)" filter="url(#rimFar)"/>` +
    `<g filter="url(#rimFar)">${castle(windows)}</g>` +
    `${tiers.map((tier) => `<g>${tier}</g>`).join('')}` +
    `${mole()}` +
    `<path d="${windows.join('')}" fill="#ffdb86" filter="url(#windowGlow)"/>` +
    `</g>` +
    // Not mirrored: alone in the deep water it would look lost.
    flag
  return { defs: defs.join('\n'), body }
}

/** How high the hill stands over the quay at `x`. */
function hillAt(x: number): number {
  const rise = Math.max(0, Math.min(1, (x - 1690) / 470))
  return 12 + 235 * rise * rise * (3 - 2 * rise) + 6 * Math.sin(x / 37) + 4 * Math.sin(x / 13)
}

function hillside(): Point[] {
  const points: Point[] = [[1640, quay]]
  for (let x = 1660; x <= canvas.width + 10; x += 12) points.push([x, quay - hillAt(x)])
  return [...points, [canvas.width + 10, quay]]
}

function houses({ between, whole, chance, pick }: Hand, tier: number, windows: string[]): string {
  const drawn: string[] = []
  const share = 1 - tier / 6
  let x = 1702 + share * 60 + between(0, 30)
  while (x < canvas.width) {
    const width = between(26, 46) * (1 + tier * 0.09)
    const tall = between(30, 58) * (1 + tier * 0.07)
    const ground = quay - hillAt(x + width / 2) * share * 0.86 + between(0, 6)
    const top = ground - tall
    const front = pick(['front', 'front', 'frontPale'])
    drawn.push(
      `<rect x="${n(x)}" y="${n(top)}" width="${n(width)}" height="${n(tall + 14)}" fill="url(#${front})"/>`,
    )
    drawn.push(
      roof(
        x,
        top,
        width,
        between(15, 30),
        chance(0.55),
        pick(['#5a2a48', '#7a3a4c', '#46224a', '#8c4650']),
      ),
    )
    if (chance(0.4)) {
      const at = x + width * between(0.6, 0.8)
      drawn.push(`<rect x="${n(at)}" y="${n(top - 22)}" width="6" height="20" fill="#3a1e40"/>`)
    }
    const columns = Math.max(2, Math.floor(width / 13))
    const floors = Math.floor(tall / 19)
    for (let floor = 0; floor < floors; floor++) {
      for (let column = 0; column < columns; column++) {
        if (!chance(0.27)) continue
        const wx = x + (width / columns) * (column + 0.5) - 2.2
        const wy = top + 7 + floor * 18
        windows.push(`M${n(wx)} ${n(wy)}h4.6v7h-4.6z`)
      }
    }
    x += width + (chance(0.2) ? whole(4, 14) : -1)
  }
  return drawn.join('')
}

function roof(
  x: number,
  top: number,
  width: number,
  rise: number,
  gable: boolean,
  color: string,
): string {
  const left = n(x - 3)
  const right = n(x + width + 3)
  const shape = gable
    ? `M${left} ${n(top + 1)}L${n(x + width / 2)} ${n(top - rise)}L${right} ${n(top + 1)}Z`
    : `M${left} ${n(top + 1)}L${n(x + 7)} ${n(top - rise * 0.75)}H${n(x + width - 7)}L${right} ${n(top + 1)}Z`
  // The slope towards the sun catches it.
  const lit = `M${left} ${n(top + 1)}L${n(gable ? x + width / 2 : x + 7)} ${n(top - rise * (gable ? 1 : 0.75))}`
  return `<path d="${shape}" fill="${color}"/><path d="${lit}" stroke="#ffb27a" stroke-width="2" fill="none" opacity=".6"/>`
}

/** Keep, chapel with two spires, and the wall between, on the top of the hill. */
function castle(windows: string[]): string {
  const tower = (x: number, top: number, width: number, spire: number) => {
    const bottom = quay - hillAt(x) + 30
    const head = `<path d="M${x - 6} ${top}L${x + width / 2} ${top - spire}L${x + width + 6} ${top}Z" fill="#46203f"/>`
    const battlements = `<path d="M${x - 5} ${top + 8}v-18h9v9h${n((width - 22) / 2)}v-9h12v9h${n((width - 22) / 2)}v-9h9v18z" fill="url(#stoneFront)"/>`
    windows.push(`M${n(x + width / 2 - 2)} ${top + 22}h5v12h-5z`)
    return `<rect x="${x}" y="${top}" width="${width}" height="${n(bottom - top)}" fill="url(#stoneFront)"/>${spire > 0 ? head : battlements}`
  }
  const wall = `<path d="M2030 ${n(quay - 300)}h230v90h-230z" fill="url(#stoneFront)"/>`
  for (let x = 2052; x < 2110; x += 19) windows.push(`M${x} 716h5v13h-5z`)
  return (
    tower(2106, 596, 26, 92) +
    tower(2138, 612, 24, 78) +
    wall +
    tower(2012, 652, 40, 0) +
    tower(2208, 560, 56, 0) +
    tower(2292, 640, 36, 46)
  )
}

/** On the keep. */
const flag = `<path d="M2236 508v-62" stroke="#3a1d3f" stroke-width="3"/><path d="M2237 447q17 -9 30 0t26 1l-9 10 9 12q-15 6 -28 -2t-28 1z" fill="#a5283f"/>`

/** The breakwater and its lighthouse. */
function mole(): string {
  const stones = `<path d="M1556 ${quay - 7}q14 -9 40 -9h820v22h-850q-12 -4 -10 -13z" fill="#3b2346"/><path d="M1558 ${quay - 9}q14 -8 38 -8h480" stroke="#ffb37b" stroke-width="2" fill="none" opacity=".7"/>`
  const light = `<path d="M1574 ${quay - 14}l6 -104h24l6 104z" fill="url(#frontPale)"/><path d="M1575.500 ${quay - 44}l1.600 -26h30l1.600 26z" fill="#8d2f45" opacity=".85"/><path d="M1576 ${quay - 118}h32v5h-32z" fill="#3b2346"/><path d="M1583 ${quay - 136}h18v18h-18z" fill="#ffedb0"/><path d="M1579 ${quay - 136}l13 -15 13 15z" fill="#4b2240"/>`
  const beams = `<path d="M1592 ${quay - 128}L2120 ${quay - 196}V${quay - 92}Z" fill="url(#beam)" opacity=".55"/>`
  const lamp = `<circle cx="1592" cy="${quay - 127}" r="26" fill="#fff0b8" opacity=".7" filter="url(#soft14)"/>`
  return stones + light + beams + lamp
}
