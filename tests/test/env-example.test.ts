import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const listed = [...read('.env.example').matchAll(/^#?(HERALD_[A-Z0-9_]+)=(.*)$/gm)].map(
  ([, name = '', value = '']) => ({ name, value }),
)

const sources = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', '*/src/*.ts'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')

/** Names that are read: keys of a `loadEnv` shape, or `env['NAME']`. */
const used = new Set(
  sources.flatMap((path) => {
    const key = path.endsWith('/config.ts')
      ? /^\s+(HERALD_[A-Z0-9_]+):/gm
      : /\benv\['(HERALD_[A-Z0-9_]+)/g
    return [...read(path).matchAll(key)].map((match) => match[1])
  }),
)

test('.env.example lists every variable that is read, and no other', () => {
  expect(listed.map(({ name }) => name).sort()).toEqual([...used].sort())
})

test('.env.example as it stands is the default configuration of every program', async () => {
  // As the README says: a shell reads it.
  const text = execFileSync('sh', ['-c', 'set -a; . ./.env.example; exec env'], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  })
  const env = Object.fromEntries(
    [...text.matchAll(/^(HERALD_[A-Z0-9_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  )
  expect(Object.keys(env).length).toBeGreaterThan(20)
  for (const room of ['client', 'converter-service', 'notifier-service', 'mailhog', 'stack']) {
    const { loadConfig } = await import(join(root, room, 'dist/src/config.js'))
    expect(loadConfig(env), room).toEqual(loadConfig({}))
  }
  const worker = await import(join(root, 'converter-service/dist/src/jobs/config.js'))
  expect(worker.loadConfig(env)).toEqual(worker.loadConfig({}))
  const web = await import(join(root, 'client/dist/src/web/config.js'))
  expect(web.loadConfig(env)).toEqual(web.loadConfig({}))
})
