import { gradient, n, rimLight } from './canvas.js'

/** Ships at anchor and coming home. Each is drawn around its waterline, bow to the right. */
export function drawShips(): { defs: string; body: string; mirrored: string } {
  const defs = [
    gradient('hull', 'right', [
      { at: 0, color: '#2b1736' },
      { at: 1, color: '#5c2f45' },
    ]),
    gradient('sail', 'right', [
      { at: 0, color: '#7c3f5c' },
      { at: 0.55, color: '#c47866' },
      { at: 1, color: '#f8b883' },
    ]),
    rimLight('rimShip', { dx: -2.5, dy: 1.5, color: '#ffd493', soft: 0.6, strength: 0.7 }),
    `<g id="galleon">${galleon()}</g>`,
    `<g id="boat">${boat()}</g>`,
  ]
  const fleet = [
    { kind: 'galleon', x: 1150, y: 1046, scale: 0.98 },
    { kind: 'galleon', x: 1845, y: 1030, scale: -0.62 },
    { kind: 'boat', x: 1476, y: 962, scale: 0.42 },
    { kind: 'boat', x: 1010, y: 938, scale: 0.3 },
    { kind: 'boat', x: 1650, y: 1108, scale: 0.95 },
    { kind: 'galleon', x: 836, y: 930, scale: 0.26 },
    { kind: 'boat', x: 2110, y: 1050, scale: -0.6 },
  ]
  const at = (mirror: boolean) =>
    fleet
      .map(({ kind, x, y, scale }) => {
        const upright = Math.abs(scale) * (mirror ? -0.8 : 1)
        return `<use href="#${kind}" transform="translate(${x} ${y}) scale(${scale} ${upright})"/>`
      })
      .join('')
  return {
    defs: defs.join('\n'),
    body: `<g filter="url(#rimShip)">${at(false)}</g>`,
    mirrored: at(true),
  }
}

function sail(x: number, top: number, width: number, tall: number): string {
  const half = width / 2
  const belly = width * 0.13
  return (
    `<path d="M${n(x - half * 0.9)} ${top}H${n(x + half * 0.9)}q${n(belly)} ${n(tall * 0.5)} ${n(half * 0.1 + 3)} ${tall}` +
    `q${n(-half)} ${n(-tall * 0.2)} ${n(-width - 6)} 0q${n(belly + 6)} ${n(-tall * 0.5)} ${n(half * 0.1 + 3)} ${-tall}z" fill="url(#sail)"/>` +
    `<path d="M${n(x - half)} ${top}H${n(x + half)}" stroke="#2b1736" stroke-width="4"/>`
  )
}

function galleon(): string {
  const masts = [
    { x: -78, top: -190 },
    { x: -4, top: -262 },
    { x: 74, top: -222 },
  ]
  const rigging = masts
    .map(
      ({ x, top }) =>
        `M${x - 34} -46L${x} ${top + 30}L${x + 34} -44M${x - 18} -46L${x} ${top + 60}L${x + 18} -46`,
    )
    .join('')
  return (
    `<path d="${rigging}M74 -222L190 -76M-4 -262L74 -200M-78 -190L-4 -230M-140 -70L-78 -170" stroke="#2b1736" stroke-width="1.3" fill="none" opacity=".8"/>` +
    masts
      .map(({ x, top }) => `<path d="M${x} -30V${top}" stroke="#2b1736" stroke-width="5"/>`)
      .join('') +
    sail(-78, -168, 62, 44) +
    sail(-78, -116, 76, 50) +
    sail(-4, -236, 64, 44) +
    sail(-4, -184, 94, 58) +
    sail(-4, -116, 108, 54) +
    sail(74, -198, 58, 42) +
    sail(74, -148, 82, 62) +
    '<path d="M190 -78L118 -44L82 -150Z" fill="url(#sail)" opacity=".92"/>' +
    '<path d="M120 -38L196 -82" stroke="#2b1736" stroke-width="5"/>' +
    '<path d="M-150 -82h48l4 26h30l4 14h122q36 0 66 -12q-8 34 -34 54H-118q-26 -22 -32 -82z" fill="url(#hull)"/>' +
    '<path d="M-146 -50q90 30 246 10M-138 -32q100 26 226 8" stroke="#d58a5f" stroke-width="2" fill="none" opacity=".6"/>' +
    '<path d="M-142 -72h9v9h-9zM-126 -72h9v9h-9zM-78 -34h6v6h-6zM-54 -32h6v6h-6zM-30 -31h6v6h-6zM-6 -31h6v6h-6zM18 -31h6v6h-6zM42 -32h6v6h-6z" fill="#ffd67f"/>' +
    '<path d="M-4 -262q-18 -12 -34 -3t-36 -4l8 11 -6 9q20 4 34 -3t34 2zM74 -222q-12 -9 -24 -3t-26 -3l6 9 -4 7q14 3 26 -2t22 1z" fill="#a5283f"/>' +
    '<circle cx="-152" cy="-94" r="5" fill="#ffe9a8"/>'
  )
}

function boat(): string {
  return (
    '<path d="M-2 -14V-118" stroke="#2b1736" stroke-width="4"/>' +
    '<path d="M2 -114Q44 -76 56 -24Q26 -30 2 -20Z" fill="url(#sail)"/>' +
    '<path d="M-6 -104Q-34 -66 -42 -26Q-22 -30 -6 -22Z" fill="url(#sail)" opacity=".85"/>' +
    '<path d="M-58 -18q54 10 118 -2q-10 22 -26 24h-70q-16 -4 -22 -22z" fill="url(#hull)"/>'
  )
}
