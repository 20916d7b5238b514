import { expect, onTestFinished, test, vi } from 'vitest'
import { beginRequest, openForm } from './begin-request.js'
import { gradient, noise } from './pictures.js'
import { startConverter } from './real-converter.js'
import { openCaller, openWebFolder } from './web-page.js'

vi.setConfig({ testTimeout: 90_000 })

const noAnswer = '<span class="stage-name">Waiting: the converter does not answer</span>'

test('while the converter is gone, the page shows that a file waits for it', async () => {
  const converter = await startConverter()
  onTestFinished(() => converter.close())
  const folder = await openWebFolder(converter.address)
  onTestFinished(() => folder.close())
  const caller = openCaller(await folder.start())
  await caller.get('/')
  await converter.kill()
  const sent = caller.send({ to: 'webp' }, { name: 'a.png', content: gradient(8, 8) })
  const page = async () => (await caller.get('/')).text()
  await expect.poll(page, { timeout: 10_000 }).toContain(noAnswer)
  const next = await startConverter({}, Number(converter.address.split(':')[1]))
  onTestFinished(() => next.close())
  expect((await sent).status).toBe(202)
  await expect.poll(page, { timeout: 20_000 }).toContain('a.webp')
})

test('while the converter has stopped without closing connections, the page shows that a file waits for it, and ends a preview', async () => {
  const converter = await startConverter()
  onTestFinished(() => {
    converter.signal('SIGCONT')
    return converter.close()
  })
  const folder = await openWebFolder(converter.address)
  onTestFinished(() => folder.close())
  const caller = openCaller(await folder.start())
  await caller.get('/')
  converter.signal('SIGSTOP')
  const sent = caller.send({ to: 'webp' }, { name: 'a.png', content: gradient(8, 8) })
  const page = async () => (await caller.get('/')).text()
  const form = new FormData()
  form.set('to', 'webp')
  form.set('file', new Blob([new Uint8Array(gradient(8, 8))]), 'a.png')
  const headers = { Accept: 'application/json' }
  const preview = caller.get('/preview', { method: 'POST', body: form, headers })
  await expect.poll(page, { timeout: 20_000 }).toContain(noAnswer)
  expect(await (await preview).json()).toMatchObject({ error: { code: 'HERALD_BUSY' } })
  converter.signal('SIGCONT')
  expect((await sent).status).toBe(202)
  await expect.poll(page, { timeout: 20_000 }).toContain('a.webp')
})

test('a page without a converter stays in service, because it still has results', async () => {
  const folder = await openWebFolder('127.0.0.1:1')
  onTestFinished(() => folder.close())
  const page = await folder.start()
  expect(await (await openCaller(page).get('/')).text()).toContain('id="away"')
  expect((await fetch(`${page.probes}/readyz`)).status).toBe(200)
})

test('an upload whose converter is gone has failed at once, because it cannot be sent again', async () => {
  const converter = await startConverter()
  onTestFinished(() => converter.close())
  const folder = await openWebFolder(converter.address)
  onTestFinished(() => folder.close())
  const page = await folder.start()
  const caller = openCaller(page)
  await caller.get('/')
  // More than a chunk.
  const body = Buffer.concat([openForm('a.png'), noise(300, 300)])
  await beginRequest(page, '/convert', { cookie: caller.cookie(), body })
  await expect.poll(() => converter.uploadedBytes()).toBeGreaterThan(0)
  await converter.kill()
  const seen: string[] = []
  const failed = async () => {
    const html = await (await caller.get('/')).text()
    seen.push(html)
    return html.includes('class="row failed"')
  }
  await expect.poll(failed).toBe(true)
  for (const html of seen) expect(html).not.toContain(noAnswer)
})
