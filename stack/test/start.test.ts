import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isRunning, runScript, runStart } from './script.js'

const allEnded = (programs: Record<string, number>) =>
  vi.waitFor(() => expect(Object.values(programs).filter(isRunning)).toEqual([]), 15_000)

// Each test starts several processes, possibly on a busy machine.
describe('npm start', () => {
  test('prints the addresses and a command that works when pasted', async () => {
    const { output, addresses, data } = await runStart()
    expect(output()).toMatch(/ready after [\d.,]+ m?s/)
    const inbox = addresses.inbox?.replace('127.0.0.1', 'localhost') ?? 'none'
    expect(output()).toContain(`Inbox      ${inbox}`)
    expect(output()).toContain(`Converter  ${addresses.converter}`)
    expect(output()).toContain(`SMTP       ${addresses.smtp.replace('127.0.0.1', 'localhost')}`)
    expect(output()).toContain(`Broker     ${addresses.broker}`)
    const [command = ''] = /cd \S+ && .*npx herald convert .*$/m.exec(output()) ?? []
    const pasted = spawnSync('sh', ['-c', `${command} --force --out '${data}/out'`], {
      cwd: '/',
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
    })
    expect(pasted.stderr).toBe('')
    expect(pasted.status).toBe(0)
    expect((await fetch(`${addresses.notifier}/readyz`)).status).toBe(200)
    expect((await fetch(`${addresses.inbox}/email`)).status).toBe(200)
    expect((await fetch(String(addresses.web))).status).toBe(200)
  })

  test('stops everything on Ctrl-C, intake first, and exits with 0', async () => {
    const { interrupt, data, ended, output, programs, leftovers } = await runStart()
    expect(Object.keys(programs).sort()).toEqual(['converter', 'inbox', 'notifier', 'web'])
    interrupt()
    expect(await ended).toBe(0)
    expect(Object.values(programs).filter(isRunning)).toEqual([])
    const stopping = output().match(/^\w+(?= +│ [\d:]+ {2}stopping)/gm)
    expect(stopping).toEqual(['web', 'converter', 'notifier', 'inbox'])
    expect(existsSync(join(data, 'stack.json'))).toBe(false)
    expect(leftovers().filter((name) => name.includes('inbox'))).toEqual([])
  })

  test('starts the webhook if one is configured', async () => {
    const posts: string[] = []
    const receiver = createHttpServer((request, response) => {
      posts.push(String(request.headers['ce-type']))
      response.writeHead(204).end()
    })
    receiver.listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    onTestFinished(() => void receiver.close())
    const { output, data } = await runStart({
      HERALD_WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
      HERALD_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
      HERALD_WEBHOOK_PROBES: '127.0.0.1:0',
    })
    expect(output()).toMatch(/Webhook +http:\/\/localhost:\d+ +\/readyz/)
    const demo = runScript('demo', {
      args: ['--out', join(data, 'out')],
      env: { HERALD_DATA: data },
    })
    expect(await demo.ended, demo.output()).toBe(0)
    await vi.waitFor(() => expect(posts).toEqual(['herald.file.converted.v1']), 20_000)
  })

  test('a second Ctrl-C ends everything at once', async () => {
    const { interrupt, ended, output, programs } = await runStart()
    // A stopped process cannot react to the first Ctrl-C.
    process.kill(programs['converter'] as number, 'SIGSTOP')
    interrupt()
    await vi.waitFor(() => expect(output()).toContain('Waiting for the converter'), 5000)
    interrupt()
    expect(await ended).toBe(1)
    await allEnded(programs)
  })

  test('stops every program when it is killed with -9', async () => {
    const { child, programs } = await runStart()
    child.kill('SIGKILL')
    await allEnded(programs)
  })

  test.each(['web', 'converter', 'notifier', 'inbox'])(
    'when the %s is killed, reports it, stops the rest and exits with 1',
    async (name) => {
      const { ended, output, programs } = await runStart()
      process.kill(programs[name] as number, 'SIGKILL')
      expect(await ended).toBe(1)
      expect(output()).toContain(`The ${name} ended unexpectedly: killed by SIGKILL.`)
      expect(Object.values(programs).filter(isRunning)).toEqual([])
    },
  )

  test('names the program that needs a port in use, and the process that holds it', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const { ended, output } = runScript('start', { env: { HERALD_INBOX_WEB: address } })
    expect(await ended).toBe(1)
    expect(output()).toContain(`${address}, which the inbox needs, is in use`)
    expect(output()).toContain(`process ${process.pid}: `)
    expect(output()).toMatch(/such as HERALD_INBOX_WEB=127\.0\.0\.1:\d+/)
  })

  test('a second one with the same data folder is refused, naming the first', async () => {
    const { child, data } = await runStart()
    const second = runScript('start', { env: { HERALD_DATA: data } })
    expect(await second.ended).toBe(1)
    expect(second.output()).toContain(`process ${child.pid}`)
  })

  test('a bad configuration is reported before anything starts', async () => {
    const env = { HERALD_INBOX_WEB: 'eight thousand', HERALD_SMTP: 'mail' }
    const { ended, output } = runScript('start', { env })
    expect(await ended).toBe(2)
    expect(output()).toContain('Invalid HERALD_INBOX_WEB "eight thousand":')
    expect(output()).toContain('HERALD_SMTP')
    expect(output()).not.toContain('│')
  })

  test('a program that cannot start is named with its last lines', async () => {
    const { ended, output } = runScript('start', { env: { HERALD_MAIL_ATTEMPTS: 'many' } })
    expect(await ended).toBe(1)
    expect(output()).toContain('The notifier could not start')
    expect(output()).toContain('Invalid HERALD_MAIL_ATTEMPTS')
    expect(output()).not.toMatch(/ at .*\.js:\d+/)
  })
})
