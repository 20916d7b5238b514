import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { message, publish } from './publish.js'
import { fileConverted } from './sample-events.js'
import { startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

const stage = useStage()
const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))

test.each([
  ['smtps://me:sesame@127.0.0.1', true],
  ['smtp://me:sesame@127.0.0.1?tls=required', false],
  ['smtp://me:sesame@127.0.0.1', false],
])('%s: the session is encrypted before the password and the mail', async (url, secure) => {
  const sessions: boolean[] = []
  const server = await startScriptedSmtp(
    {},
    {
      secure,
      disabledCommands: [],
      authOptional: false,
      key: await readFile(fixture('localhost-key.pem')),
      cert: await readFile(fixture('localhost-cert.pem')),
      onAuth({ password }, session, done) {
        sessions.push(session.secure)
        if (password === 'sesame') done(null, { user: 'me' })
        else done(new Error('wrong password'))
      },
    },
  )
  stage.defer(() => server.close())
  await stage.start({
    HERALD_SMTP: url.replace('127.0.0.1', `127.0.0.1:${server.port}`),
    NODE_EXTRA_CA_CERTS: fixture('localhost-cert.pem'),
  })
  await publish(stage.broker, [message(fileConverted())])
  await vi.waitFor(() => expect(server.accepted).toHaveLength(1), { timeout: 60_000 })
  expect(sessions).toEqual([true])
})
