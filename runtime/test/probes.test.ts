import { Gauge } from 'prom-client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createMetrics, createProbesApp, type HttpListener, listenHttp } from '#src/probes'

async function serve(notReady: () => string[] | Promise<string[]>, address = '127.0.0.1:0') {
  const metrics = createMetrics('tester')
  new Gauge({ name: 'herald_tests', help: 'Tests under way.', registers: [metrics] }).set(7)
  const listener = await listenHttp(createProbesApp({ metrics, notReady }), address)
  onTestFinished(() => listener.close())
  return listener
}

const get = async (listener: HttpListener, path: string) => {
  const response = await fetch(`${listener.url}${path}`)
  return { status: response.status, body: await response.text() }
}

test('/livez answers 200, ready or not', async () => {
  const listener = await serve(() => ['no broker'])
  expect(await get(listener, '/livez')).toEqual({ status: 200, body: '{"status":"ok"}' })
})

test('/readyz answers 200 if there is no reason against it', async () => {
  const listener = await serve(() => [])
  expect(await get(listener, '/readyz')).toEqual({
    status: 200,
    body: '{"status":"ok","reasons":[]}',
  })
})

test('no reason shows the query or the password of a URL', async () => {
  const listener = await serve(() => [
    'webhook: redirects to https://a/b?token=secret',
    'x://u:secret@h',
  ])
  expect((await get(listener, '/readyz')).body).not.toContain('secret')
})

test('/readyz answers 503 with the reasons', async () => {
  const listener = await serve(async () => ['no broker', 'no mail server'])
  const { status, body } = await get(listener, '/readyz')
  expect(status).toBe(503)
  expect(JSON.parse(body)).toEqual({
    status: 'not ready',
    reasons: ['no broker', 'no mail server'],
  })
})

test('/readyz answers 503 without a stack trace if the check fails', async () => {
  const listener = await serve(() => Promise.reject(new Error('the check is broken')))
  const { status, body } = await get(listener, '/readyz')
  expect(status).toBe(503)
  expect(JSON.parse(body)).toEqual({
    status: 'not ready',
    reasons: ['readiness could not be checked'],
  })
})

test('/metrics has the metrics of the program and of its process', async () => {
  const listener = await serve(() => [])
  const response = await fetch(`${listener.url}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const text = await response.text()
  expect(text).toContain('herald_tests{program="tester"} 7')
  expect(text).toMatch(/process_resident_memory_bytes\{program="tester"\} \d+/)
})

test('no header names the framework', async () => {
  const listener = await serve(() => [])
  const response = await fetch(`${listener.url}/nothing-here`)
  expect(response.status).toBe(404)
  expect(response.headers.get('x-powered-by')).toBeNull()
})

test('a path that cannot be decoded is answered without a stack trace and not logged', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => logged.mockRestore())
  const app = createProbesApp({ metrics: createMetrics('tester'), notReady: () => [] })
  app.get('/things/:id', () => {
    throw new Error('a secret')
  })
  const listener = await listenHttp(app, '127.0.0.1:0')
  onTestFinished(() => listener.close())
  expect(await get(listener, '/things/%ED%A0%80')).toEqual({
    status: 400,
    body: '{"error":"The address of the request is malformed."}',
  })
  expect(logged).not.toHaveBeenCalled()
  const { status, body } = await get(listener, '/things/1')
  expect(status).toBe(500)
  expect(body).not.toMatch(/secret|probes/)
})

test('a port that is taken rejects with EADDRINUSE', async () => {
  const listener = await serve(() => [])
  await expect(serve(() => [], new URL(listener.url).host)).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
})

test('an IPv6 address is written in brackets', async () => {
  const listener = await serve(() => [], '[::1]:0')
  expect(listener.url).toMatch(/^http:\/\/\[::1\]:\d+$/)
  expect((await get(listener, '/livez')).status).toBe(200)
})

test('it closes although a client keeps its connection, and can be closed again', async () => {
  const listener = await serve(() => [])
  await get(listener, '/livez')
  await Promise.all([listener.close(), listener.close()])
  await listener.close()
  await expect(fetch(`${listener.url}/livez`)).rejects.toThrow()
})
