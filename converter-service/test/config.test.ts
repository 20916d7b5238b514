import { expect, test } from 'vitest'
import { loadConfig } from '#src/config'

test('an empty environment gives a configuration that works', () => {
  expect(loadConfig({})).toMatchObject({
    listen: '127.0.0.1:50051',
    probes: '127.0.0.1:9101',
    maxBytes: 100_000_000,
    maxPixels: 50_000_000,
    maxPages: 500,
    timeoutMs: 30_000,
    queue: 64,
  })
})

test('every error is named at once', () => {
  expect(() =>
    loadConfig({ HERALD_TIMEOUT: '30', HERALD_WORKERS: '0', HERALD_CONVERTER_LISTEN: '50051' }),
  ).toThrow(/HERALD_CONVERTER_LISTEN "50051"[\s\S]*HERALD_TIMEOUT "30"[\s\S]*HERALD_WORKERS "0"/)
})

test.each(['/nowhere/soffice', '/usr', 'soffice'])(
  'HERALD_SOFFICE=%s, without a program there, is one of the errors',
  (path) => {
    expect(() => loadConfig({ HERALD_SOFFICE: path, HERALD_QUEUE: 'x' })).toThrow(
      new RegExp(`Invalid HERALD_QUEUE "x"[\\s\\S]*HERALD_SOFFICE "${path}": expected the path`),
    )
  },
)

test('HERALD_SOFFICE reaches the children if it is a program', () => {
  const env = { HERALD_SOFFICE: process.execPath }
  expect(loadConfig(env).childEnv).toEqual(env)
})

test('the children get no secrets', () => {
  const { childEnv } = loadConfig({
    PATH: '/bin',
    FONTCONFIG_PATH: '/fonts',
    AWS_SECRET_ACCESS_KEY: 'x',
    HERALD_SMTP: 'smtp://a:b@c',
    NODE_OPTIONS: '--inspect',
  })
  expect(childEnv).toEqual({ PATH: '/bin', FONTCONFIG_PATH: '/fonts' })
})
