import { expect, test } from 'vitest'
import { loadConfig } from '#src/config'

const oauth2 = {
  HERALD_SMTP: 'smtp://me%40example.com@mail.example.com',
  HERALD_SMTP_OAUTH2_TOKEN_URL: 'https://oauth2.example.com/token',
  HERALD_SMTP_OAUTH2_CLIENT_ID: 'id',
  HERALD_SMTP_OAUTH2_CLIENT_SECRET: 'client-secret',
  HERALD_SMTP_OAUTH2_REFRESH_TOKEN: 'refresh-token',
}

test('OAuth 2.0 and the EHLO name are read', () => {
  const config = loadConfig({ ...oauth2, HERALD_SMTP_EHLO: 'herald.example.com' })
  expect(config.ehloName).toBe('herald.example.com')
  expect(config.smtp).toMatchObject({ user: 'me@example.com', password: undefined })
  expect(config.oauth2).toEqual({
    tokenUrl: 'https://oauth2.example.com/token',
    clientId: 'id',
    clientSecret: 'client-secret',
    refreshToken: 'refresh-token',
  })
})

test.each([
  [
    'a user without a password',
    { HERALD_SMTP: oauth2.HERALD_SMTP },
    'expected a password for its user',
  ],
  ['a part of OAuth 2.0', { HERALD_SMTP_OAUTH2_CLIENT_ID: 'id' }, 'expected all of'],
  [
    'no user',
    { ...oauth2, HERALD_SMTP: 'smtp://mail.example.com' },
    'expected a user and no password',
  ],
  [
    'a password too',
    { ...oauth2, HERALD_SMTP: 'smtp://me:pw@localhost' },
    'expected a user and no password',
  ],
  [
    'a token URL in plain text',
    { HERALD_SMTP_OAUTH2_TOKEN_URL: 'http://example.com/' },
    'https://',
  ],
  ['an EHLO name with a blank', { HERALD_SMTP_EHLO: 'my host' }, 'a host name'],
])('%s is a configuration error', (_, env, message) => {
  expect(() => loadConfig(env)).toThrow(message)
})

test('a configuration error shows no secret', () => {
  const env = { ...oauth2, HERALD_SMTP: 'smtp://localhost', HERALD_SMTP_OAUTH2_CLIENT_ID: 'my id' }
  expect(() => loadConfig(env)).toThrow('Invalid HERALD_SMTP_OAUTH2_CLIENT_ID (hidden)')
})
