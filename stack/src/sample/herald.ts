import { gradient, rimLight } from './canvas.js'

/**
 * The herald: feet at the origin, looking right into the light, trumpet raised, 560 units tall.
 * Order of drawing is from behind to the front.
 */
export function drawHerald(): { defs: string; body: string } {
  const defs = [
    gradient('cape', 'right', [
      { at: 0, color: '#4a1230' },
      { at: 0.45, color: '#7c1a38' },
      { at: 0.8, color: '#541030' },
      { at: 1, color: '#2c0b22' },
    ]),
    gradient('tabard', 'right', [
      { at: 0, color: '#241233' },
      { at: 0.6, color: '#3d1d4c' },
      { at: 1, color: '#8a4a58' },
    ]),
    gradient('hose', 'right', [
      { at: 0, color: '#160b20' },
      { at: 1, color: '#4a2436' },
    ]),
    gradient('skin', 'right', [
      { at: 0, color: '#6b3638' },
      { at: 0.55, color: '#b87058' },
      { at: 1, color: '#f0a878' },
    ]),
    gradient('gold', 'down', [
      { at: 0, color: '#fff0b0' },
      { at: 0.45, color: '#e8a94a' },
      { at: 1, color: '#7c4322' },
    ]),
    gradient('bannerCloth', 'right', [
      { at: 0, color: '#7a1431' },
      { at: 0.35, color: '#c02a41' },
      { at: 0.6, color: '#961c38' },
      { at: 1, color: '#d94a48' },
    ]),
    rimLight('rimHerald', { dx: -5, dy: 2.5, color: '#ffcf8f', soft: 1.4, strength: 0.8 }),
  ]
  const body = [cape(), legs(), restingArm(), torso(), head(), trumpet(), raisedArm()]
  return {
    defs: defs.join('\n'),
    body: `<g filter="url(#rimHerald)">${body.map((part) => `<g filter="url(#rimHerald)">${part}</g>`).join('')}</g>`,
  }
}

/** Blown to the left by the wind from the sea. */
const cape = () =>
  '<path d="M18 -452C-22 -462 -58 -446 -74 -404C-104 -330 -168 -262 -262 -214C-226 -206 -204 -212 -186 -222C-196 -190 -224 -166 -252 -150C-206 -146 -172 -158 -148 -178C-150 -140 -166 -112 -186 -92C-130 -98 -82 -132 -56 -182C-30 -240 4 -330 22 -400Z" fill="url(#cape)"/>' +
  '<path d="M-62 -414C-84 -330 -132 -262 -206 -214M-44 -408C-62 -320 -100 -236 -162 -166M-26 -396C-36 -310 -66 -220 -116 -146" stroke="#2c0b22" stroke-width="7" fill="none" opacity=".65" stroke-linecap="round"/>' +
  '<path d="M-70 -404C-94 -326 -146 -258 -222 -212M-52 -398C-72 -312 -112 -232 -170 -172" stroke="#c2444f" stroke-width="3" fill="none" opacity=".6" stroke-linecap="round"/>'

const legs = () =>
  '<path d="M-40 -268C-50 -190 -60 -130 -62 -92C-66 -60 -70 -28 -74 0H-30C-32 -34 -26 -70 -20 -104C-12 -150 0 -200 8 -252Z" fill="url(#hose)"/>' +
  '<path d="M-6 -262C4 -200 16 -150 20 -108C26 -66 30 -30 34 0H80C72 -30 66 -66 62 -108C60 -160 54 -210 44 -266Z" fill="url(#hose)"/>' +
  // Boots, with turned tops.
  '<path d="M-68 -96Q-42 -86 -18 -98L-24 -70Q-30 -34 -28 6H-78Q-70 -40 -66 -66ZM14 -108Q40 -98 66 -110L66 -78Q70 -36 84 6H32Q26 -40 18 -78Z" fill="#2b1420"/>' +
  '<path d="M-70 -98Q-42 -84 -16 -100L-18 -84Q-42 -72 -68 -82ZM12 -110Q40 -96 68 -112V-96Q40 -82 14 -94Z" fill="#6b3a34"/>'

/** Hand on the hip, elbow out. */
const restingArm = () =>
  '<path d="M-16 -442C-46 -440 -62 -420 -76 -388C-86 -366 -92 -350 -88 -338C-80 -326 -54 -318 -24 -304L-14 -328C-34 -338 -48 -344 -54 -350C-46 -370 -34 -386 -20 -396Z" fill="url(#tabard)"/>' +
  '<path d="M-40 -326L-12 -330L-6 -300L-36 -308Z" fill="url(#skin)"/>'

const torso = () =>
  '<path d="M-22 -448C0 -462 34 -462 48 -444C62 -420 64 -380 54 -340C50 -322 48 -312 48 -304C58 -270 68 -236 74 -206C40 -188 -24 -186 -62 -200C-52 -240 -40 -276 -34 -306C-42 -350 -42 -412 -22 -448Z" fill="url(#tabard)"/>' +
  // Quarterings and a hem in gold, as a herald wears them.
  '<path d="M12 -456V-194M-36 -314Q10 -300 50 -312" stroke="url(#gold)" stroke-width="5" fill="none" opacity=".8"/>' +
  '<path d="M-62 -200Q6 -178 74 -206L71 -220Q6 -192 -58 -214Z" fill="url(#gold)" opacity=".9"/>' +
  '<path d="M-40 -312Q8 -296 52 -310L50 -294Q8 -280 -42 -296Z" fill="#2a1220"/><path d="M16 -304h18v16h-18z" fill="url(#gold)"/>' +
  '<path d="M-30 -240L-20 -206M34 -244L42 -206M-2 -250V-200" stroke="#160b20" stroke-width="4" opacity=".5"/>' +
  // Collar.
  '<path d="M-16 -452Q16 -438 46 -450L40 -466Q14 -458 -8 -466Z" fill="#f3d3b0" opacity=".85"/>'

/** Chin lifted, cheeks full, cap with a long feather. */
const head = () =>
  '<path d="M-2 -470L-4 -496L36 -500L34 -462Q14 -454 -2 -470Z" fill="url(#skin)"/>' +
  '<path d="M-14 -512C-18 -538 2 -558 26 -556C44 -554 52 -544 54 -534L62 -520C63 -516 60 -515 56 -514L59 -506L54 -502L55 -494C53 -486 44 -482 34 -484C16 -480 -8 -486 -14 -512Z" fill="url(#skin)"/>' +
  // Ear, closed eye, brow and the shade under the jaw and the cheek.
  '<path d="M-6 -486Q20 -474 46 -482Q30 -468 0 -470Z" fill="#5a2a34" opacity=".7"/>' +
  '<path d="M-12 -530Q8 -548 22 -534Q28 -510 20 -484Q-4 -486 -13 -508Z" fill="#7a3f40" opacity=".55"/>' +
  '<path d="M36 -527q7 5 14 1" stroke="#3a1a24" stroke-width="3.2" fill="none" stroke-linecap="round"/><path d="M33 -538q9 -6 19 -1" stroke="#3a1a24" stroke-width="3.2" fill="none" stroke-linecap="round"/><path d="M56 -514q-4 2 -7 0" stroke="#7a3f40" stroke-width="2.2" fill="none"/>' +
  '<ellipse cx="36" cy="-505" rx="10" ry="8" fill="#e0805f" opacity=".6"/>' +
  '<path d="M-14 -508C-26 -510 -30 -536 -16 -550C-8 -556 0 -552 2 -540C0 -526 -2 -514 -2 -500C-6 -488 -14 -492 -14 -508Z" fill="#2a1422"/>' +
  '<path d="M2 -522C10 -530 18 -524 15 -514C13 -506 6 -504 3 -508Z" fill="#b56a54"/>' +
  '<path d="M-34 -534C-40 -566 -8 -592 26 -584C54 -578 66 -562 58 -550C30 -556 2 -546 -20 -528C-28 -524 -33 -528 -34 -534Z" fill="#7c1a38"/>' +
  '<path d="M-26 -530Q16 -560 60 -550L60 -541Q18 -548 -18 -520Z" fill="url(#gold)"/>' +
  '<path d="M-14 -560C-50 -600 -104 -606 -146 -574C-124 -578 -112 -574 -104 -566C-92 -574 -80 -572 -72 -562C-58 -570 -40 -564 -26 -544Z" fill="#f0cfa6" opacity=".92"/>' +
  '<path d="M-20 -554C-54 -584 -94 -592 -132 -578" stroke="#9a5a54" stroke-width="2.500" fill="none"/>'

/** The long straight trumpet of a herald and the banner it carries. */
const trumpet = () =>
  '<g transform="translate(56 -506) rotate(-17)">' +
  '<path d="M92 4C150 12 210 4 262 8C256 60 268 116 258 196L216 164L176 210L134 166L94 198C104 130 88 70 92 4Z" fill="url(#bannerCloth)"/>' +
  '<path d="M128 10C136 60 124 110 132 160M214 10C222 60 210 110 218 160" stroke="#5b0e28" stroke-width="9" opacity=".4" fill="none"/>' +
  // On the banner: a letter with its seal.
  '<g transform="translate(140 52)"><path d="M0 0H74V50H0Z" fill="#ffe9bd"/><path d="M0 0L37 30L74 0" fill="none" stroke="#a5632f" stroke-width="4"/><path d="M0 50L28 22M74 50L46 22" stroke="#a5632f" stroke-width="3"/><circle cx="37" cy="29" r="9" fill="#b02438"/></g>' +
  '<path d="M92 10Q178 22 262 14M94 198L134 166L176 210L216 164L258 196" stroke="url(#gold)" stroke-width="5" fill="none"/>' +
  '<path d="M-4 -5L10 -4L330 -6C362 -10 384 -22 398 -36C404 -20 404 20 398 36C384 20 362 10 330 6L10 4L-4 5Z" fill="url(#gold)"/>' +
  '<ellipse cx="398" cy="0" rx="9" ry="36" fill="#7c4322"/><ellipse cx="399" cy="0" rx="5" ry="29" fill="#3a1c20"/>' +
  '<path d="M88 -9h9v18h-9zM258 -9h9v18h-9zM172 -8h7v16h-7z" fill="url(#gold)"/>' +
  '</g>'

const raisedArm = () =>
  '<path d="M14 -442C30 -456 52 -448 60 -434C72 -424 84 -420 94 -424C108 -446 118 -478 128 -506L156 -496C152 -462 142 -420 124 -392C106 -372 66 -376 32 -394Z" fill="url(#tabard)"/>' +
  '<path d="M122 -510L160 -498L156 -482L118 -494Z" fill="url(#gold)"/>' +
  '<path d="M124 -512C122 -528 126 -542 138 -548C150 -552 164 -546 166 -534C168 -520 164 -508 158 -500Z" fill="url(#skin)"/>' +
  '<path d="M132 -530l30 8M130 -520l30 8" stroke="#6b3638" stroke-width="2.500" opacity=".7"/>'
