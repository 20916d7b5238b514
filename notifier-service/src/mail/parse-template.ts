import Mustache from 'mustache'
import { FixedText } from './piece.js'

/** A step of filling a template in. */
export type Op =
  | FixedText
  /** The value of a name. */
  | { readonly kind: 'value'; readonly path: Path }
  /** What is within, for each where there are several, or where there is none. */
  | { readonly kind: 'each' | 'without'; readonly path: Path; readonly within: readonly Op[] }

/** `['before', 'size']`; empty for `.`, the innermost scope itself. */
export type Path = readonly string[]

/** What the library's parser returns; its types say less. */
type Token =
  | [kind: 'text' | 'name' | '!', value: string, start: number, end: number]
  | [kind: '#' | '^', value: string, start: number, end: number, within: Token[]]
  | [kind: '>', name: string, start: number, end: number, indent: string, at: number, text: boolean]

/**
 * Reads a template that was found without fault, the parts it names included. Once: walking what
 * the library returns and looking names up as it does took as long as all the rest of a letter.
 */
export function parseTemplate(
  template: string,
  partNamed: (name: string) => string | undefined,
): readonly Op[] {
  // One of its own: the library's shared one keeps every template it ever saw.
  const writer = new Mustache.Writer()
  return parse(template)

  function parse(text: string): readonly Op[] {
    return (writer.parse(text) as unknown as Token[]).flatMap(opsOf)
  }

  function opsOf(token: Token): readonly Op[] {
    switch (token[0]) {
      case 'text':
        return [new FixedText(token[1])]
      case 'name':
        return [{ kind: 'value', path: pathOf(token[1]) }]
      case '#':
      case '^': {
        const kind = token[0] === '#' ? 'each' : 'without'
        return [{ kind, path: pathOf(token[1]), within: token[4].flatMap(opsOf) }]
      }
      case '>': {
        const [, name, , , indent, at, afterText] = token
        const text = partNamed(name) ?? ''
        // A part alone on its line is indented as the line is.
        return parse(at === 0 && indent ? writer.indentPartial(text, indent, afterText) : text)
      }
      case '!':
        return []
    }
  }
}

function pathOf(name: string): Path {
  return name === '.' ? [] : name.split('.')
}
