import { createTerminal } from '@herald/runtime/terminal'
import { columns, cut, cutPath, wrapped } from '@herald/runtime/terminal-text'
import { describe, expect, test, vi } from 'vitest'
import { type FileConversion, newConversion } from '../src/commands/file-conversion.js'
import { showBars } from '../src/commands/progress-bars.js'
import { resultLines } from '../src/commands/result-lines.js'
import { conversionProgress } from '../src/conversion-progress.js'

const esc = '\u001b'
const pieces = new RegExp(`(${esc}\\[[?\\d;]*[A-Za-z]|\\r|\\n)|([^${esc}\\r\\n]+)`, 'g')
const upwards = new RegExp(`^${esc}\\[(\\d+)A$`)

/** A screen of one's own: what a person would see of what was written. */
function screen(width: number, rows = 24) {
  const lines: string[] = ['']
  let row = 0
  const stream = {
    isTTY: true,
    columns: width,
    rows,
    write(text: string) {
      for (const [, control, letters] of text.matchAll(pieces)) {
        const up = upwards.exec(control ?? '')?.[1]
        if (letters !== undefined) lines[row] = (lines[row] ?? '') + letters
        if (control === '\n') row += 1
        if (up !== undefined) row -= Number(up)
        // Where a line begins it is written anew.
        if (control === '\r' || control === '\n' || up !== undefined) lines[row] = ''
        if (control === `${esc}[J`) lines.length = row + 1
      }
    },
  }
  return { stream, seen: () => lines.filter((line) => line !== '') }
}

function pipe() {
  let text = ''
  const write = (more: string) => {
    text += more
  }
  return { write, text: () => text }
}

describe('the terminal', () => {
  test('lines are printed above the live lines, which are removed at the end', () => {
    const { stream, seen } = screen(80)
    const terminal = createTerminal(stream, stream, { NO_COLOR: '1' })
    terminal.live(['one', 'two'])
    terminal.print('a result')
    expect(seen()).toEqual(['a result', 'one', 'two'])
    terminal.live(['three'])
    terminal.log('a word')
    expect(seen()).toEqual(['a result', 'a word', 'three'])
    terminal.live([])
    expect(seen()).toEqual(['a result', 'a word'])
  })

  test('progress is shown only if both streams are terminals', () => {
    for (const [out, err] of [
      [pipe(), screen(80).stream],
      [screen(80).stream, pipe()],
    ] as const) {
      expect(createTerminal(out, err, {}).screen).toBeUndefined()
    }
    expect(createTerminal(screen(80).stream, screen(80).stream, {}).screen).toBeDefined()
  })

  test('lines that a narrower screen has broken are taken back as the rows they have become', () => {
    const { stream } = screen(80)
    const written: string[] = []
    const terminal = createTerminal(stream, { ...stream, write: (text) => written.push(text) }, {})
    terminal.live(['x'.repeat(70), 'y'.repeat(70)])
    const narrow = { ...stream, columns: 40, write: (text: string) => written.push(text) }
    const again = createTerminal(stream, narrow, {})
    again.live(['x'.repeat(70), 'y'.repeat(70)])
    again.live(['z'])
    expect(written.at(-1)).toContain('\r\u001b[3A')
  })

  test.each([
    ['a terminal', { isTTY: true }, {}, true],
    ['a pipe', {}, {}, false],
    ['NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
    ['a terminal that is dumb', { isTTY: true }, { TERM: 'dumb' }, false],
    ['FORCE_COLOR into a pipe', {}, { FORCE_COLOR: '1' }, true],
    ['FORCE_COLOR=0', { isTTY: true }, { FORCE_COLOR: '0' }, false],
  ])('%s: colours or none', (_, stream, env, coloured) => {
    const terminal = createTerminal({ ...stream, write() {} }, { write() {} }, env)
    expect(terminal.paint('red', 'x') !== 'x').toBe(coloured)
  })
})

describe('a text in few columns', () => {
  test.each([
    ['harbour.png', 20, 'harbour.png'],
    ['a-very-long-name-of-a-file.png', 16, 'a-very-lo…le.png'],
    ['港口的照片很长.png', 10, '港口的…png'],
    [
      '\u{1f469}\u200d\u{1f680}\u{1f469}\u200d\u{1f680}\u{1f469}\u200d\u{1f680}',
      4,
      '\u{1f469}\u200d\u{1f680}…',
    ],
  ])('%s in %i: %s', (text, width, expected) => {
    expect(cut(text, width)).toBe(expected)
    expect(columns(cut(text, width))).toBeLessThanOrEqual(width)
  })

  test('the work of cutting does not grow with the text', () => {
    const unitsOf = (length: number) => {
      const segment = vi.spyOn(Intl.Segmenter.prototype, 'segment')
      expect(columns(cut(`a${'\u0301ö/'.repeat(length)}.png`, 20))).toBeLessThanOrEqual(20)
      expect(columns(cutPath(`a${'\u0301ö/'.repeat(length)}.png`, 20))).toBeLessThanOrEqual(20)
      const units = segment.mock.calls.reduce((sum, [text]) => sum + text.length, 0)
      segment.mockRestore()
      return units
    }
    expect(unitsOf(40_000)).toBeLessThanOrEqual(unitsOf(10_000))
  })

  test('of a path the folders go first; words are broken between', () => {
    expect(cutPath('photos/summer/harbour.png', 19)).toBe('…/harbour.png')
    expect(cutPath('photos/summer/harbour.png', 20)).toBe('…/summer/harbour.png')
    expect(wrapped('one two three', 8)).toEqual(['one two', 'three'])
  })
})

describe('the bars', () => {
  const conversion = (given: string) =>
    newConversion(given, {
      input: { sizeBytes: 1000 } as unknown as NonNullable<FileConversion['input']>,
    })

  test.each([40, 80, 120])('fit %i columns, whatever the names are', (width) => {
    vi.useFakeTimers()
    const { stream, seen } = screen(width, 10)
    const terminal = createTerminal(stream, stream, { NO_COLOR: '1' })
    const bars = showBars(terminal, 200)
    const names = ['港口的照片很长很长的名字.png', `${'ж'.repeat(125)}.png`, 'a\r\n\u001b[2J.png']
    for (const name of [...names, ...Array.from({ length: 20 }, (_, at) => `${at}.png`)]) {
      bars.begin(conversion(`photos/${name}`)).onProgress(
        {
          stage: 'STAGE_CONVERTING',
          receivedBytes: 1000,
          renditionsDone: 11,
          renditionsTotal: 12,
          estimatedMs: 5000,
        },
        0,
      )
    }
    vi.advanceTimersByTime(5_000)
    const drawn = seen()
    expect(drawn).toHaveLength(8)
    for (const line of drawn) expect(columns(line), line).toBeLessThan(width)
    expect(drawn.at(-1)).toMatch(/^0 of 200 /)
    bars.end()
    expect(seen()).toEqual([])
    vi.useRealTimers()
  })

  test('nothing is drawn into a pipe', () => {
    const out = pipe()
    const bars = showBars(createTerminal(out, out, {}), 2)
    bars.begin(conversion('a.png'))
    bars.end()
    expect(out.text()).toBe('')
  })

  test('a bar goes from the upload to the last byte, and never back', () => {
    const progress = conversionProgress(1000, 0.2)
    const told = { renditionsDone: 0, renditionsTotal: 1, receivedBytes: 1000, estimatedMs: 1000 }
    const seen = [progress.fraction(0)]
    progress.onProgress({ ...told, stage: 'STAGE_UPLOADING', receivedBytes: 500 }, 0)
    seen.push(progress.fraction(0))
    progress.onProgress({ ...told, stage: 'STAGE_QUEUED' }, 0)
    seen.push(progress.fraction(0))
    progress.onProgress({ ...told, stage: 'STAGE_CONVERTING' }, 0)
    seen.push(progress.fraction(500), progress.fraction(60_000))
    progress.onBytes(500, 1000)
    expect(progress.stage).toBe('saving')
    seen.push(progress.fraction(60_000))
    progress.onBytes(500, 1000)
    seen.push(progress.fraction(60_000))
    expect(seen).toEqual(seen.toSorted((a = 0, b = 0) => a - b))
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.at(-1)).toBe(1)
    // The upload begins again: the converter had gone.
    progress.onProgress({ ...told, stage: 'STAGE_UPLOADING', receivedBytes: 0 }, 60_000)
    expect(progress.fraction(60_000)).toBe(1)
  })
})

describe('the lines of results', () => {
  const line = {
    from: 'photos/harbour.jpg',
    to: 'web/photos/harbour.webp',
    before: 825_000,
    after: 48_000,
    time: '325 ms',
    announced: 'queued for ada@example.com',
  }

  test.each([
    [140, /^✓ photos\/harbour\.jpg → web\/photos\/harbour\.webp .* queued for ada@example\.com$/],
    [90, /^✓ photos\/harbour\.jpg → web\/photos\/harbour\.webp .* 325 ms$/],
    [70, /^✓ web\/photos\/harbour\.webp +825 kB → +48 kB \(−94 %\) +325 ms$/],
    [40, /^✓ …\/harbour\.webp +48 kB \(−94 %\)$/],
  ])('in %i columns', (width, expected) => {
    const { stream } = screen(width)
    const lines = resultLines(createTerminal(stream, stream, { NO_COLOR: '1' }), 'stdout')
    lines.expect(line.from, line.to)
    expect(lines.format(line, true)).toMatch(expected)
    expect(columns(lines.format(line, true))).toBeLessThanOrEqual(width)
  })
})
