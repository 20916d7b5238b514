import { canvas, gradient, n, sun } from './canvas.js'
import { hand } from './random.js'

/** Still water: the sky again, broken by ripples that grow towards us, and the sun's road on it. */
export function drawSea(): { defs: string; body: string } {
  const { width, height, horizon } = canvas
  const bands = [
    { from: horizon, to: horizon + 110, frequency: '0.006 0.21', opacity: 0.5 },
    { from: horizon + 70, to: horizon + 330, frequency: '0.0045 0.085', opacity: 0.6 },
    { from: horizon + 240, to: height, frequency: '0.003 0.04', opacity: 0.75 },
  ]
  const defs = [
    gradient('water', 'down', [
      { at: 0, color: '#ffcb86' },
      { at: 0.1, color: '#ef9166' },
      { at: 0.28, color: '#b85a6c' },
      { at: 0.55, color: '#66376a' },
      { at: 1, color: '#22184a' },
    ]),
    gradient('bandFade', 'down', [
      { at: 0, color: '#fff', opacity: 0 },
      { at: 0.3, color: '#fff' },
      { at: 0.75, color: '#fff' },
      { at: 1, color: '#fff', opacity: 0.25 },
    ]),
    ...bands.map(
      ({ from, to, frequency }, index) =>
        `<filter id="ripple${index}" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">` +
        `<feTurbulence type="fractalNoise" baseFrequency="${frequency}" numOctaves="5" seed="${index + 2}" result="wave"/>` +
        `<feColorMatrix values="0 0 0 0 .15 0 0 0 0 .08 0 0 0 0 .3 3.4 0 0 0 -1.75" result="trough"/>` +
        `<feColorMatrix in="wave" values="0 0 0 0 1 0 0 0 0 .72 0 0 0 0 .56 0 -3.4 0 0 1.45" result="crest"/>` +
        `<feMerge><feMergeNode in="trough"/><feMergeNode in="crest"/></feMerge></filter>` +
        `<mask id="band${index}"><rect y="${from}" width="${width}" height="${to - from}" fill="url(#bandFade)"/></mask>`,
    ),
    '<filter id="mirror" x="-5%" y="-5%" width="110%" height="115%" color-interpolation-filters="sRGB">' +
      '<feTurbulence type="fractalNoise" baseFrequency="0.006 0.075" numOctaves="3" seed="8" result="wave"/>' +
      '<feDisplacementMap in="SourceGraphic" in2="wave" scale="34" xChannelSelector="R" yChannelSelector="G"/>' +
      '<feGaussianBlur stdDeviation="1.6 2.6"/></filter>',
  ]
  const body = [
    `<rect y="${horizon}" width="${width}" height="${height - horizon}" fill="url(#water)"/>`,
    ...bands.map(
      ({ from, to, opacity }, index) =>
        `<g mask="url(#band${index})" opacity="${opacity}"><rect y="${from}" width="${width}" height="${to - from}" filter="url(#ripple${index})"/></g>`,
    ),
  ]
  return { defs: defs.join('\n'), body: body.join('\n') }
}

/** The sun's road: drawn after what stands in the water, since it lies on top of every reflection. */
export function drawSunRoad(): string {
  const { between } = hand(77)
  const sparks = Array.from({ length: 1150 }, () => {
    const depth = between(0, 1) ** 1.9
    const y = canvas.horizon + 3 + depth * 640
    const spread = 26 + depth * 250
    // Three draws make a bell: dense in the middle, thin at the sides.
    const aside = (between(-1, 1) + between(-1, 1) + between(-1, 1)) / 1.6
    const length = (4 + depth * 52) * between(0.35, 1.2)
    const thick = (0.8 + depth * 4.2) * between(0.5, 1)
    const fade = (1 - Math.abs(aside) / 2) * (1 - depth * 0.72) * between(0.35, 1)
    return `<ellipse cx="${n(sun.x + aside * spread)}" cy="${n(y)}" rx="${n(length)}" ry="${n(thick)}" opacity="${fade.toFixed(2)}"/>`
  })
  return `<g fill="#fff0bd" filter="url(#soft1)">${sparks.join('')}</g>`
}
