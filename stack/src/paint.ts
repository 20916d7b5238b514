const styles = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
} as const

export type Style = keyof typeof styles

/** Gives `text` a colour or weight where the reader can see one, else leaves it as it is. */
export type Paint = (style: Style, text: string) => string

/** For what is written to `stream`; https://no-color.org and TERM=dumb are respected. */
export function painter(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const forced = (env['FORCE_COLOR'] ?? '') !== ''
  const colourful =
    (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb' && (stream.isTTY === true || forced)
  return (style, text) => (colourful ? `\u001b[${styles[style]}m${text}\u001b[0m` : text)
}
