import { canvas, glow, gradient, n, sun } from './canvas.js'
import { hand } from './random.js'

/** A sky after sunset: the glow low, clouds lit from beneath, the first stars above. */
export function drawSky(): { defs: string; body: string } {
  const { width, height, horizon } = canvas
  const defs = [
    gradient('sky', 'down', [
      { at: 0, color: '#141238' },
      { at: 0.2, color: '#2b1d58' },
      { at: 0.42, color: '#5f2f73' },
      { at: 0.6, color: '#a84a72' },
      { at: 0.75, color: '#e0705f' },
      { at: 0.88, color: '#f9a35c' },
      { at: 1, color: '#ffd58a' },
    ]),
    glow('sunGlow', [sun.x, sun.y], 950, [
      { at: 0, color: '#fff3c4', opacity: 0.95 },
      { at: 0.1, color: '#ffe09a', opacity: 0.75 },
      { at: 0.32, color: '#ffab5e', opacity: 0.38 },
      { at: 1, color: '#ff7a5c', opacity: 0 },
    ]),
    glow('sunDisc', [sun.x, sun.y], sun.radius, [
      { at: 0, color: '#fffdf0' },
      { at: 0.8, color: '#fff3c0' },
      { at: 1, color: '#ffdf8e' },
    ]),
    cloudFilter({
      id: 'highClouds',
      frequency: '0.0011 0.0062',
      seed: 11,
      cover: 1.3,
      lit: '#ff9d76',
      shade: [0.3, 0.17, 0.4],
      depth: 16,
    }),
    cloudFilter({
      id: 'lowClouds',
      frequency: '0.0014 0.0135',
      seed: 41,
      cover: 1.36,
      lit: '#ffe1a1',
      shade: [0.66, 0.27, 0.4],
      depth: 9,
    }),
    gradient('highFade', 'down', [
      { at: 0, color: '#fff', opacity: 0.5 },
      { at: 0.5, color: '#fff', opacity: 0.95 },
      { at: 1, color: '#fff', opacity: 0 },
    ]),
    gradient('lowFade', 'down', [
      { at: 0, color: '#fff', opacity: 0 },
      { at: 0.5, color: '#fff', opacity: 0.9 },
      { at: 1, color: '#fff', opacity: 0.15 },
    ]),
    `<mask id="highMask"><rect width="${width}" height="700" fill="url(#highFade)"/></mask>`,
    `<mask id="lowMask"><rect y="430" width="${width}" height="${horizon - 430}" fill="url(#lowFade)"/></mask>`,
    '<filter id="soft2"><feGaussianBlur stdDeviation="2"/></filter>',
    '<filter id="soft14" x="-50%" y="-50%" width="200%" height="200%"><feGaussianBlur stdDeviation="14"/></filter>',
  ]
  const body = [
    `<rect width="${width}" height="${horizon + 20}" fill="url(#sky)"/>`,
    stars(),
    `<rect width="${width}" height="${height}" fill="url(#sunGlow)"/>`,
    `<g mask="url(#highMask)"><rect width="${width}" height="700" filter="url(#highClouds)"/></g>`,
    `<circle cx="${sun.x}" cy="${sun.y}" r="${sun.radius + 26}" fill="#ffe9ae" opacity=".75" filter="url(#soft14)"/>`,
    `<circle cx="${sun.x}" cy="${sun.y}" r="${sun.radius}" fill="url(#sunDisc)"/>`,
    `<g mask="url(#lowMask)"><rect y="430" width="${width}" height="${horizon - 430}" filter="url(#lowClouds)"/></g>`,
    birds(),
  ]
  return { defs: defs.join('\n'), body: body.join('\n') }
}

interface Clouds {
  id: string
  frequency: string
  seed: number
  /** Higher is clearer. */
  cover: number
  lit: string
  shade: readonly [number, number, number]
  depth: number
}

function cloudFilter({ id, frequency, seed, cover, lit, shade, depth }: Clouds): string {
  const [red, green, blue] = shade
  return (
    `<filter id="${id}" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">` +
    `<feTurbulence type="fractalNoise" baseFrequency="${frequency}" numOctaves="6" seed="${seed}"/>` +
    `<feColorMatrix values="0 0 0 0 ${red} 0 0 0 0 ${green} 0 0 0 0 ${blue} 0 3 0 0 -${cover}" result="cloud"/>` +
    `<feOffset dy="-${depth}" result="up"/>` +
    `<feComposite in="cloud" in2="up" operator="arithmetic" k2="1" k3="-0.9" result="under"/>` +
    `<feFlood flood-color="${lit}"/><feComposite in2="under" operator="in" result="light"/>` +
    `<feMerge><feMergeNode in="cloud"/><feMergeNode in="light"/><feMergeNode in="light"/></feMerge></filter>`
  )
}

function stars(): string {
  const { between, chance } = hand(3)
  const dots = Array.from({ length: 170 }, () => {
    const y = between(0, 1) ** 1.6 * 430
    const radius = chance(0.1) ? between(1.4, 2.2) : between(0.5, 1.2)
    return `<circle cx="${n(between(0, canvas.width))}" cy="${n(y)}" r="${n(radius)}" opacity="${n(between(0.3, 1) * (1 - y / 520))}"/>`
  })
  return `<g fill="#fdf3ff">${dots.join('')}</g>`
}

function birds(): string {
  const { between } = hand(20)
  const wings = Array.from({ length: 15 }, (_, index) => {
    const side = index % 2 === 0 ? 1 : -1
    const rank = Math.ceil(index / 2)
    const x = 1745 + rank * 33 + (side < 0 ? 8 : 0) + between(-7, 7)
    const y = 470 + side * rank * 15 + rank * 4 + between(-5, 5)
    const span = between(11, 16)
    const lift = between(4, 9)
    return `M${n(x - span)} ${n(y - lift)}q${n(span * 0.6)} ${n(-lift * 0.4)} ${n(span)} ${n(lift)}q${n(span * 0.4)} ${n(-lift * 1.5)} ${n(span)} ${n(-lift)}`
  })
  return `<path d="${wings.join('')}" fill="none" stroke="#3a1d45" stroke-width="3" stroke-linecap="round"/>`
}
