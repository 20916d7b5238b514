import { describe, expect, test } from 'vitest'
import { formatLogLine, readLogLine } from '#src/log-line'

const plain = (_: string, text: string) => text
const shown = (line: string) => formatLogLine(readLogLine(line), plain)

describe('a log line', () => {
  test('of JSON is shown as time, message and fields', () => {
    const line =
      '{"level":30,"time":"2026-01-02T03:04:05.678Z","program":"inbox","port":25,"msg":"ready"}'
    expect(shown(line)).toMatch(/^\d\d:04:05 {2}ready {2}port=25$/)
  })

  test('shows numbers and lists as a person would write them', () => {
    const fields = { to: ['webp', 'avif'], conversionMs: 1577.7942739999 }
    const line = JSON.stringify({ level: 30, time: 0, msg: 'converted', ...fields })
    expect(shown(line)).toMatch(/converted {2}to=webp,avif conversionMs=1577\.8$/)
  })

  test('with an error shows its message, not its stack', () => {
    const err = {
      type: 'Error',
      message: 'no such folder',
      code: 'ENOENT',
      stack: 'Error\n  at x.js:1',
    }
    const line = JSON.stringify({ level: 50, time: 0, msg: 'could not read', err })
    expect(shown(line)).toMatch(/could not read {2}err="ENOENT: no such folder"$/)
  })

  test('that is not JSON is shown as it is', () => {
    expect(shown('{ not json')).toBe('{ not json')
  })

  test('cannot move the cursor of the terminal', () => {
    const name = '\u001b[2J\u001b[1;31m\rgone'
    expect(shown(name)).toBe('\\u001b[2J\\u001b[1;31m\\u000dgone')
    expect(shown(JSON.stringify({ level: 30, time: 0, msg: name, name }))).not.toContain('\u001b')
  })
})
