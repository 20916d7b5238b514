import type { Mail } from '@herald/mailhog/inbox-client'
import type { ConvertedLine } from '../herald-cli.js'
import type { Paint } from '../paint.js'
import { bytesText, durationText, pixelsText } from '../quantities.js'

/** The demo's words, step by step. */
export function createReport(paint: Paint, say: (line: string) => void) {
  let step = 0
  const heading = (text: string) => {
    step++
    say(`\n  ${paint('cyan', String(step))}  ${paint('bold', text)}`)
  }
  const fact = (name: string, value: string) =>
    say(`     ${paint('dim', name.padEnd(10))} ${value}`)

  return {
    title(stack: string) {
      say(`\n  ${paint('bold', 'Herald')}: convert a picture, and somebody hears of it.`)
      say(`\n     ${paint('dim', 'stack'.padEnd(10))} ${stack}`)
    },

    picture(path: string, sizeBytes: number) {
      heading('The picture')
      fact('file', path)
      fact('size', bytesText(sizeBytes))
    },

    converted({ source, renditions, stripped }: ConvertedLine, totalMs: number) {
      if (source) fact('pixels', `${pixelsText(source.width, source.height)}, ${source.mediaType}`)
      heading(`Converted and saved in ${durationText(totalMs)}`)
      const rows = renditions.map(({ name, width, height, sizeBytes, conversionMs }) => [
        name,
        pixelsText(width, height),
        bytesText(sizeBytes),
        change(source?.sizeBytes ?? 0, sizeBytes),
        durationText(conversionMs),
      ])
      const widths = (rows[0] ?? []).map((_, column) =>
        Math.max(...rows.map((row) => (row[column] ?? '').length)),
      )
      for (const row of rows) {
        const cells = row.map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        say(`     ${paint('green', cells[0] ?? '')}   ${cells.slice(1).join('   ')}`)
      }
      if (stripped.length > 0) fact('left out', stripped.map(inWords).join(', '))
    },

    announced(
      topic: string,
      { id, recipient, partition, offset }: ConvertedLine['events'][number],
    ) {
      heading('Announced')
      fact('event', id)
      const where = [
        `topic ${topic}`,
        ...(partition == null ? [] : [`partition ${partition}`]),
        ...(offset == null ? [] : [`offset ${offset}`]),
      ]
      fact('lies in', where.join(', '))
      fact('for', recipient)
    },

    mailed({ subject, from, recipients }: Mail, afterMs: number) {
      heading(`In the inbox ${durationText(afterMs)} after the conversion`)
      fact('subject', subject)
      fact('from', from.name === '' ? from.address : `${from.name} <${from.address}>`)
      fact('to', recipients.join(', '))
    },

    whereabouts(files: readonly string[], pages: readonly (string | undefined)[]) {
      heading('See for yourself')
      for (const file of files) say(`     ${file}`)
      for (const page of pages) if (page) say(`     ${page}`)
    },

    end(totalMs: number) {
      say(`\n  ${paint('green', 'Done')} in ${durationText(totalMs)}.\n`)
    },
  }
}

export type Report = ReturnType<typeof createReport>

function change(before: number, after: number): string {
  const percent = before === 0 ? 0 : Math.round((after / before - 1) * 100)
  return percent === 0 ? '±0 %' : `${percent < 0 ? '−' : '+'}${Math.abs(percent)} %`
}

const words: Record<string, string> = {
  gps: 'where it was taken (GPS)',
  exif: 'the camera’s notes (EXIF)',
  icc: 'the colour profile (ICC)',
}

const inWords = (stripped: string) => words[stripped] ?? stripped
