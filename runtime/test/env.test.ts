import { describe, expect, test } from 'vitest'
import {
  address,
  bytes,
  ConfigurationError,
  duration,
  InvalidValue,
  integer,
  loadEnv,
  logLevel,
  oneOf,
  restricted,
  text,
  type Variable,
  variable,
} from '#src/env'

function errorsOf(load: () => unknown): readonly string[] {
  try {
    load()
  } catch (error) {
    if (error instanceof ConfigurationError) return error.errors
    throw error
  }
  throw new Error('no error was thrown')
}

test('all errors are reported together, with the variable, the expected form and the value', () => {
  const shape = {
    HERALD_PORT: integer(1, 0, 10),
    HERALD_MAIL_TO: text(/@/, { form: 'an e-mail address' }),
    HERALD_FINE: integer(5, 0, 10),
    HERALD_LIMIT: bytes('1M'),
  }
  const load = () => loadEnv(shape, { HERALD_PORT: '11', HERALD_LIMIT: 'much' })
  expect(load).toThrow(
    [
      'The configuration has 3 errors:',
      '  Invalid HERALD_PORT "11": expected a whole number from 0 to 10.',
      '  HERALD_MAIL_TO is not set: expected an e-mail address.',
      '  Invalid HERALD_LIMIT "much": expected an amount of bytes such as 24k, 100M or 2GiB.',
    ].join('\n'),
  )
  expect(errorsOf(load)).toHaveLength(3)
})

test('a secret is never shown, nor is the password of a URL', () => {
  const shape = {
    HERALD_KEY: text(/.{100}/, { form: 'a key', secret: true }),
    HERALD_SMTP: text(/^smtp:/, { form: 'smtp://host:port' }),
  }
  const errors = errorsOf(() =>
    loadEnv(shape, { HERALD_KEY: 'hunter2', HERALD_SMTP: 'http://me:hunter2@host:25' }),
  )
  expect(errors).toEqual([
    'Invalid HERALD_KEY (hidden): expected a key.',
    'Invalid HERALD_SMTP "http://me:***@host:25": expected smtp://host:port.',
  ])
})

test('an empty value counts as absent and takes the default, the result is frozen', () => {
  const config = loadEnv({ HERALD_PORT: integer(7, 0, 10) }, { HERALD_PORT: '' })
  expect(config).toEqual({ HERALD_PORT: 7 })
  expect(Object.isFrozen(config)).toBe(true)
})

test('an optional variable may be absent, and one that cannot be parsed is an error', () => {
  const shape = {
    HERALD_URL: variable((given) => new URL(given), { form: 'a URL', optional: true }),
  }
  expect(loadEnv(shape, {})).toEqual({})
  expect(loadEnv(shape, { HERALD_URL: 'http://host/' }).HERALD_URL?.host).toBe('host')
  expect(errorsOf(() => loadEnv(shape, { HERALD_URL: 'host' }))).toEqual([
    'Invalid HERALD_URL "host": expected a URL.',
  ])
})

test('an error names the wrong part, and shows a URL without its password', () => {
  const parse = (given: string) => {
    throw new InvalidValue(`it has ${given.length} characters`)
  }
  const shape = {
    HERALD_LEDGER: variable(parse, { form: 'a URL', shownParameters: ['sslmode'] }),
  }
  const given = 'postgres://me:secret@db/herald?sslmode=yes&password=secret'
  expect(errorsOf(() => loadEnv(shape, { HERALD_LEDGER: given }))).toEqual([
    'Invalid HERALD_LEDGER "postgres://me:***@db/herald?sslmode=yes&password=***": it has 58 characters; expected a URL.',
  ])
})

test('a restriction refuses further values, and names its own form', () => {
  const shape = {
    HERALD_WAIT: restricted(duration('2m'), (ms) => ms <= 3_600_000, 'a duration up to 1h'),
  }
  expect(loadEnv(shape, { HERALD_WAIT: '1h' })).toEqual({ HERALD_WAIT: 3_600_000 })
  expect(errorsOf(() => loadEnv(shape, { HERALD_WAIT: '2h' }))).toEqual([
    'Invalid HERALD_WAIT "2h": expected a duration up to 1h.',
  ])
})

const read = (schema: Variable<unknown>, text: string | undefined) =>
  loadEnv({ HERALD_X: schema }, { HERALD_X: text }).HERALD_X

describe.each<[string, Variable<unknown>, [string | undefined, unknown][], string[]]>([
  [
    'an address',
    address('127.0.0.1:50051'),
    [
      [undefined, '127.0.0.1:50051'],
      ['0.0.0.0:0', '0.0.0.0:0'],
      ['localhost:65535', 'localhost:65535'],
      ['[::1]:80', '[::1]:80'],
    ],
    [
      '50051',
      'localhost',
      'localhost:',
      ':80',
      'host:65536',
      'http://host:80',
      '::1:80',
      'a b:80',
      'host:80 ',
    ],
  ],
  [
    'a whole number',
    integer(5, 1, 100),
    [
      [undefined, 5],
      ['1', 1],
      ['100', 100],
    ],
    ['0', '101', '1.5', '-1', '1e2', 'ten', ' 1', '0x10'],
  ],
  [
    'an amount of bytes',
    bytes('50M'),
    [
      [undefined, 50_000_000],
      ['0', 0],
      ['1500', 1500],
      ['24k', 24_000],
      ['24KiB', 24 * 1024],
      ['2G', 2_000_000_000],
    ],
    ['k', '1.5M', '-1', '1T', '24 k', '9'.repeat(20)],
  ],
  [
    'a duration',
    duration('30s'),
    [
      [undefined, 30_000],
      ['250ms', 250],
      ['5m', 300_000],
      ['2h', 7_200_000],
      ['7d', 604_800_000],
    ],
    ['30', 's', '1.5s', '-1s', '30 s', '30S', '1w', `${'9'.repeat(20)}d`],
  ],
  [
    'a choice',
    oneOf(['red', 'green'], 'green'),
    [
      [undefined, 'green'],
      ['red', 'red'],
    ],
    ['blue', 'RED', 'red '],
  ],
  [
    'a log level',
    logLevel(),
    [
      [undefined, 'info'],
      ['silent', 'silent'],
    ],
    ['trace', 'loud'],
  ],
])('%s', (_, schema, valid, invalid) => {
  test.each(valid)('%s is read as %s', (text, value) => {
    expect(read(schema, text)).toBe(value)
  })
  test.each(invalid)('%j is refused', (text) => {
    expect(errorsOf(() => read(schema, text))).toEqual([
      expect.stringMatching(/^Invalid HERALD_X ".*": expected /),
    ])
  })
})
