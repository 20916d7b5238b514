import type { Mail } from '@herald/mailhog/inbox-client'
import type { Terminal } from '@herald/runtime/terminal'
import { humanBytes, humanChange, humanDuration } from '@herald/runtime/terminal-text'
import type { ConvertedLine } from '../herald-cli.js'

/** What the demo prints, step by step. */
export function createReport({ paint, print }: Terminal) {
  let step = 0
  const heading = (text: string) => {
    step++
    print(`\n  ${paint('cyan', String(step))}  ${paint('bold', text)}`)
  }
  const fact = (name: string, value: string) =>
    print(`     ${paint('dim', name.padEnd(10))} ${value}`)

  return {
    title(stack: string) {
      print(`\n  ${paint('bold', 'Herald')}: convert a picture, announce it, mail it.`)
      print(`\n     ${paint('dim', 'stack'.padEnd(10))} ${stack}`)
    },

    picture(path: string, sizeBytes: number) {
      heading('The picture')
      fact('file', path)
      fact('size', humanBytes(sizeBytes))
    },

    converted({ source, renditions, stripped }: ConvertedLine, totalMs: number) {
      if (source) fact('pixels', `${pixelsText(source.width, source.height)}, ${source.mediaType}`)
      heading(`Converted and saved in ${humanDuration(totalMs)}`)
      const rows = renditions.map(({ name, width, height, sizeBytes, conversionMs }) => [
        name,
        pixelsText(width, height),
        humanBytes(sizeBytes),
        humanChange(source?.sizeBytes ?? 0, sizeBytes),
        humanDuration(conversionMs),
      ])
      const widths = (rows[0] ?? []).map((_, column) =>
        Math.max(...rows.map((row) => (row[column] ?? '').length)),
      )
      for (const row of rows) {
        const cells = row.map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        print(`     ${paint('green', cells[0] ?? '')}   ${cells.slice(1).join('   ')}`)
      }
      if (stripped.length > 0) fact('removed', stripped.map(inWords).join(', '))
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
      fact('stored in', where.join(', '))
      fact('for', recipient)
    },

    mailed({ subject, from, recipients }: Mail, afterMs: number) {
      heading(`In the inbox ${humanDuration(afterMs)} after the conversion`)
      fact('subject', subject)
      fact('from', from.name === '' ? from.address : `${from.name} <${from.address}>`)
      fact('to', recipients.join(', '))
    },

    results(files: readonly string[], pages: readonly (string | undefined)[]) {
      heading('See for yourself')
      for (const file of files) print(`     ${file}`)
      for (const page of pages) if (page) print(`     ${page}`)
    },

    end(totalMs: number) {
      print(`\n  ${paint('green', 'Done')} in ${humanDuration(totalMs)}.\n`)
    },
  }
}

export type Report = ReturnType<typeof createReport>

const pixelsText = (width: number, height: number) =>
  `${width.toLocaleString('en')} × ${height.toLocaleString('en')}`

const words: Record<string, string> = {
  gps: 'location (GPS)',
  exif: 'camera data (EXIF)',
  icc: 'colour profile (ICC)',
}

const inWords = (stripped: string) => words[stripped] ?? stripped
