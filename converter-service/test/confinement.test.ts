import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { probeConfinement, weaken } from '#src/children/confinement'
import { convert } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { twoHalves } from './pictures.js'
import { preloading } from './processes.js'
import { waitFor } from './wait-for.js'

const run = promisify(execFile)
const spool = await mkdtemp(join(tmpdir(), 'herald-confinement-'))
const { enforced, missing } = await probeConfinement({ folder: spool, maxFileBytes: 1e9 })
/** The end of a test's name if this machine missing what it tests. */
const unless = (measure: RegExp) => {
  const lacking = !enforced.some((each) => measure.test(each))
  return lacking
    ? { skip: true, why: ` (left out: this machine gives no ${measure.source})` }
    : { skip: false, why: '' }
}
const network = unless(/no network/)
const privileges = unless(/no new privileges/)

let converter: ConverterUnderTest
let tried: Record<string, string>
const listener = createServer((socket) => socket.destroy())
beforeAll(async () => {
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const childEnv = { ...preloading('try-forbidden'), PORT_OF_TEST: String(port) }
  converter = await startConverter({ children: 1, spool, childEnv })
  const [own = ''] = readdirSync(spool)
  const [child = ''] = readdirSync(join(spool, own)).filter((name) => name.startsWith('w-'))
  const text = await waitFor(() => readFile(join(spool, own, child, 'tried.json'), 'utf8'))
  tried = JSON.parse(text)
})
afterAll(async () => {
  await converter?.close()
  listener.close()
  await rm(spool, { recursive: true, force: true })
})

test('restrictions that this machine does not support are listed', async () => {
  console.log(
    `children: ${enforced.join('; ')}${missing.length ? `; without: ${missing.join('; ')}` : ''}`,
  )
  const told = await converter.app.metrics.getSingleMetricAsString('herald_children_confined')
  for (const measure of enforced) expect(told).toMatch(new RegExp(`measure="${measure}".* 1`))
  for (const measure of missing) expect(told).toMatch(new RegExp(`measure="${measure}".* 0`))
})

test('a LibreOffice without a sandbox is reported to callers and in the metrics', async () => {
  const tools = await mkdtemp(join(spool, 'tools-'))
  for (const tool of ['unshare', 'setpriv']) await symlink(`/usr/bin/${tool}`, join(tools, tool))
  const office = join(tools, 'soffice')
  await writeFile(office, '')
  const childEnv = { PATH: tools, HERALD_SOFFICE: office }
  const bare = await startConverter({ children: 1, childEnv })
  const formats = await promisify(bare.client.ListFormats.bind(bare.client, {}))()
  const metric = await bare.app.metrics.getSingleMetricAsString('herald_children_confined')
  await bare.close()
  expect(formats?.missingConfinement).toContain('a sandbox for the document engine')
  expect(metric).toMatch(/measure="a sandbox for the document engine".* 0/)
})

test('a child can read and write its own files only', async () => {
  expect(tried).toMatchObject({
    'read a file of the system': 'ERR_ACCESS_DENIED',
    'write elsewhere': 'ERR_ACCESS_DENIED',
    'write into its own folder': 'done',
  })
})

test.skipIf(network.skip)(`a child reaches no network, not even this machine${network.why}`, () => {
  expect(tried['reach the network']).toMatch(/^E/)
})

test.skipIf(privileges.skip)(
  `a child has no privileges and gets none${privileges.why}`,
  async () => {
    for (const pid of converter.app.pids()) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      expect(status).toMatch(/NoNewPrivs:\s+1/)
      if (enforced.some((measure) => /no capabilities/.test(measure))) {
        expect(status).toMatch(/CapEff:\s+0+\n[\s\S]*CapBnd:\s+0+\n/)
      }
    }
  },
)

test.each([
  ['is there', process.execPath],
  ['is not there', '/nowhere/soffice'],
])('an installed program that %s does not weaken the confinement', async (_how, program) => {
  const { nodeFlags } = await probeConfinement({ folder: spool, maxFileBytes: 1e9, program })
  const { stdout } = await run(process.execPath, [...nodeFlags, '-p', '!!process.permission'])
  expect(stdout.trim()).toBe('true')
})

test('a confined child converts', async () => {
  const picture = await twoHalves().png().toBuffer()
  const made = await convert(converter.client, picture, [{ format: 'jpeg', keep: ['KEEP_EXIF'] }])
  expect(made.renditions).toHaveLength(1)
})

test('if children do not start, weaken confinements are tried, down to none', async () => {
  const full = await probeConfinement({ folder: spool, maxFileBytes: 1e9 })
  const second = weaken(full)
  expect(second).toMatchObject({ nodeFlags: [], command: full.command })
  expect(second?.missing).toContain("Node's permission model")
  const third = second && weaken(second)
  if (full.command.length > 0) expect(third).toMatchObject({ command: [], nodeFlags: [] })
  expect(third && weaken(third)).toBeUndefined()
})
