import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConverterService, type ReceivedRenditionSpec } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { protoDirectory } from '@herald/proto/load'
import {
  decodeOptions,
  encodeOptions,
  type OptionValues,
  parseOption,
} from '@herald/proto/option-values'
import {
  flagOf,
  type OptionName,
  optionRows,
  type RenditionOption,
  renditionOptions,
} from '@herald/proto/rendition-options'
import { describe, expect, test } from 'vitest'

const { requestSerialize, requestDeserialize } = ConverterService.service.Convert

/** The options as the converter receives them. */
function received(options: object): ReceivedRenditionSpec {
  const request = { spec: { renditions: [{ format: 'png', ...options }] } }
  const { spec } = requestDeserialize(requestSerialize(request))
  return spec?.renditions[0] as ReceivedRenditionSpec
}

const parse = (name: OptionName, text: string) =>
  parseOption<unknown>(flagOf(name), renditionOptions[name].type, text)

describe('a value that a person wrote', () => {
  test.each<[OptionName, string, unknown]>([
    ['width', '1', 1],
    ['width', '65535', 65_535],
    ['fit', 'Cover', 'cover'],
    ['gravity', 'center', 'centre'],
    ['maxBytes', '1500', 1500],
    ['maxBytes', '500k', 500_000],
    ['maxBytes', '500kB', 500_000],
    ['maxBytes', '1.5M', 1_500_000],
    ['maxBytes', '2MiB', 2_097_152],
    ['background', '#FF8800', '#ff8800'],
    ['background', 'f80', '#ff8800'],
    ['background', 'white', '#ffffff'],
    ['keep', 'exif,GPS', ['exif', 'gps']],
    ['keep', 'all,icc', ['exif', 'icc']],
    ['page', '1', 0],
    ['page', 'ALL', 'all'],
  ])('%s %s is %j', (name, text, value) => {
    expect(parse(name, text)).toEqual(value)
  })

  test.each<[OptionName, readonly string[]]>([
    ['width', ['', '0', '65536', '1.5', '-1', '1e3', 'abc']],
    ['fit', ['', 'covr', 'FIT_COVER']],
    ['maxBytes', ['', '0', '-1', '3 MB', '1e9', 'k']],
    ['background', ['', '#ff', 'ff8800aa', 'reddish']],
    ['keep', ['', 'exif,', 'everything']],
    ['page', ['', '0', '-1', '1.5', 'first']],
  ])('an invalid %s is refused with what is expected', (name, texts) => {
    for (const text of texts) {
      expect(() => parse(name, text)).toThrow(`Invalid ${flagOf(name)} "${text}": expected `)
    }
  })

  test('is refused with the range, as an option that the caller got wrong', () => {
    const refuse = () => parse('quality', '\u001b[31m101')
    expect(refuse).toThrow(HeraldError)
    expect(refuse).toThrow(
      'Invalid quality "\\u001b[31m101": expected a whole number from 1 to 100.',
    )
  })
})

describe('an option on its way to the converter', () => {
  test('that is not given is left out, and gets its default there', () => {
    expect(encodeOptions({})).toEqual({})
    expect(decodeOptions(received({}))).toEqual({
      fit: 'inside',
      gravity: 'centre',
      rotate: 0,
      enlarge: false,
      lossless: false,
      palette: false,
      keep: [],
      trackedChanges: false,
      everyPage: false,
    })
  })

  test('comes back as it was given', () => {
    const values: OptionValues = {
      ...{ width: 10, height: 20, rotate: 90 },
      ...{ fit: 'contain', gravity: 'southeast' },
      ...{ background: '#102030', enlarge: true, quality: 1, maxBytes: 5000, effort: 0 },
      ...{ palette: true, keep: ['icc', 'exif'], page: 0, dpi: 18, trackedChanges: true },
    }
    expect(decodeOptions(received(encodeOptions(values)))).toEqual({
      ...values,
      ...{ lossless: false, everyPage: false },
    })
  })

  test('each value that can be chosen comes back as it was given', () => {
    for (const name of ['fit', 'gravity'] as const) {
      for (const choice of renditionOptions[name].type.choices) {
        expect(decodeOptions(received(encodeOptions({ [name]: choice })))[name]).toBe(choice)
      }
    }
    expect(decodeOptions(received(encodeOptions({ page: 'all' }))).everyPage).toBe(true)
  })

  test('the location brings the rest of EXIF with it', () => {
    expect(decodeOptions(received({ keep: ['KEEP_GPS'] })).keep).toEqual(['exif', 'gps'])
  })

  test.each([
    [{ width: 0 }, 'Invalid width "0": expected a whole number from 1 to 65535.'],
    [{ dpi: 1201 }, 'Invalid dpi "1201": expected a whole number from 18 to 1200.'],
    [{ maxBytes: 0 }, /^Invalid max-bytes "0": expected a number of bytes/],
    [{ background: 'red' }, /^Invalid background "red": expected a colour/],
    [{ fit: 99 }, /^Invalid fit "99": expected one of inside, /],
    [{ keep: ['KEEP_UNSPECIFIED'] }, /^Invalid keep "KEEP_UNSPECIFIED": expected exif/],
    [{ page: 1, everyPage: true }, 'page and every-page contradict each other.'],
    [{ lossless: true, palette: true }, 'lossless and palette contradict each other.'],
    [{ maxBytes: 1, lossless: true }, 'max-bytes and lossless contradict each other.'],
  ])('%j is refused', (options, message) => {
    expect(() => decodeOptions(received(options))).toThrow(message)
  })
})

test.each(['fit', 'gravity'] as const)('the table has each %s of the contract', (name) => {
  const { type } = renditionOptions[name]
  // A number that the enum does not have stays a number.
  const sent = Array.from({ length: 30 }, (_, number) => received({ [name]: number + 1 })[name])
  const known = sent.filter((value) => typeof value === 'string')
  expect(type.choices.map((choice) => type.encode(choice as never))).toEqual(known)
})

test('the comments of the contract name the ranges of the table', async () => {
  const path = 'herald/converter/v1/converter.proto'
  const contract = await readFile(join(protoDirectory, path), 'utf8')
  for (const [name, { type }] of optionRows.filter(([, option]) => option.type.range)) {
    const field = new RegExp(`((?: +//.*\\n)+) +optional uint32 ${name} =`).exec(contract)
    const numbers = field?.[1]?.replaceAll(',', '').match(/\b\d+\b/g)
    expect(numbers, name).toEqual(expect.arrayContaining(type.range?.map(String) ?? []))
  }
})

const docs = fileURLToPath(new URL('../../docs/options.md', import.meta.url))

/** The table of docs/options.md. */
function markdownTable(): string {
  const rows = optionRows.map(([name, option]: readonly [string, RenditionOption]) => {
    const { type, argument, help, formats, otherFormats, excludes = [] } = option
    const flag = `\`--${flagOf(name)}${argument ? ` <${argument.replace('|', '\\|')}>` : ''}\``
    const value = argument
      ? type.choices.length > 3
        ? type.choices.join(', ')
        : type.expected
      : '–'
    const usual = option.defaultText ?? (option.default === false ? 'off' : option.default)
    const where = formats ? `${formats.join(', ')}${otherFormats ? '; else refused' : ''}` : 'all'
    const not = excludes.map((other) => `; not with \`--${flagOf(other)}\``)
    return [flag, help + not.join(''), value, usual, where]
  })
  const header = ['Option', 'Meaning', 'Value', 'Default', 'Target formats']
  return [header, header.map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
}

test('docs/options.md shows this table (else: npx vitest run proto -u)', async () => {
  const text = await readFile(docs, 'utf8')
  const shown = /(?<=<!-- table -->\n).*(?=\n<!-- end -->)/s
  expect(text).toMatch(shown)
  await expect(text.replace(shown, () => markdownTable())).toMatchFileSnapshot(docs)
})
