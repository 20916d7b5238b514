import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import protobuf from 'protobufjs'
import { expect, onTestFinished, test } from 'vitest'
import { protoDirectory } from '#src/load'

const run = promisify(execFile)
const binaries = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url))

/** A copy of the contracts, without the types made from them. */
async function copyOfContracts(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'herald-proto-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  for (const name of ['herald', 'buf.yaml', 'package.json']) {
    await cp(join(protoDirectory, name), join(directory, name), { recursive: true })
  }
  return directory
}

/** Runs the package's own `types` in `directory`; resolves to the path of the types. */
async function generate(directory: string): Promise<string> {
  const { scripts } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'))
  const PATH = `${binaries}${delimiter}${process.env['PATH']}`
  await run('sh', ['-c', scripts.types], { cwd: directory, env: { ...process.env, PATH } })
  return join(directory, 'src', 'generated')
}

async function filesUnder(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = new Map<string, string>()
  for (const entry of entries.filter((found) => found.isFile())) {
    const path = join(entry.parentPath, entry.name)
    files.set(path.slice(directory.length + 1), await readFile(path, 'utf8'))
  }
  return files
}

/** The files that are not the same in both folders. */
async function differences(one: string, other: string): Promise<string[]> {
  const [ours, theirs] = [await filesUnder(one), await filesUnder(other)]
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .filter((path) => ours.get(path) !== theirs.get(path))
    .sort()
}

async function edit(path: string, from: string, to: string): Promise<void> {
  const before = await readFile(path, 'utf8')
  expect(before).toContain(from)
  await writeFile(path, before.replace(from, to))
}

const committed = join(protoDirectory, 'src', 'generated')

test('the generated types are up to date (else: npm run generate)', async () => {
  const made = await generate(await copyOfContracts())
  expect((await filesUnder(made)).size).toBeGreaterThan(20)
  expect(await differences(committed, made)).toEqual([])
})

test('the compiled contracts are up to date (else: npm run generate)', async () => {
  const compiled = join('herald', 'generated', 'contracts.json')
  const before = await readFile(join(protoDirectory, compiled), 'utf8')
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => join(protoDirectory, target)
  root.loadSync([
    'herald/converter/v1/converter.proto',
    'herald/events/v1/events.proto',
    'herald/jobs/v1/jobs.proto',
  ])
  expect(root.toJSON()).toEqual(JSON.parse(before))
})

test('a change of a contract changes its types', async () => {
  const directory = await copyOfContracts()
  const contract = join(directory, 'herald/events/v1/events.proto')
  await edit(contract, 'string host = 12;', 'string host = 12;\n  // New.\n  bool urgent = 101;')
  expect(await differences(committed, await generate(directory))).toEqual([
    join('herald', 'events', 'v1', 'FileConverted.ts'),
  ])
})

const lint = (directory: string) =>
  run(join(binaries, 'buf'), ['lint', directory]).then(
    () => '',
    ({ stdout, stderr }) => `${stdout}${stderr}`,
  )

test('buf accepts the contracts', async () => {
  expect(await lint(protoDirectory)).toBe('')
})

test('buf requires a comment on every field', async () => {
  const directory = await copyOfContracts()
  const contract = join(directory, 'herald/events/v1/events.proto')
  await edit(contract, 'string host = 12;', 'string host = 12;\n\n  bool urgent = 101;')
  expect(await lint(directory)).toMatch(/urgent.*comment/)
})
