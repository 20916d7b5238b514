import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Makes `herald-<version>.tgz` in the working folder: one package with Herald's programs, to be
 * installed by `npm install` where there is no clone. The rooms are included
 * (`bundleDependencies`); other libraries come from the registry, in the pinned versions.
 */
const root = fileURLToPath(new URL('../../../', import.meta.url))

const rooms = [
  'proto',
  'runtime',
  'broker',
  'converter-service',
  'client',
  'notifier-service',
  'mailhog',
  'stack',
]

/** The files of a room that are needed to run it. */
const contents = ['package.json', 'dist/src', 'bin', 'web', 'templates', 'sample', 'herald']

/** The file that each command imports, below `node_modules/@herald/`. */
const programs: Record<string, string> = {
  herald: 'client/bin/herald.js',
  'herald-converter': 'converter-service/dist/src/main.js',
  'herald-notifier': 'notifier-service/bin/herald-notifier.js',
  'herald-webhook': 'notifier-service/bin/herald-webhook.js',
  'herald-start': 'stack/dist/src/start.js',
  'herald-demo': 'stack/dist/src/demo.js',
}

interface Manifest {
  version: string
  description: string
  license: string
  engines?: Record<string, string>
  dependencies?: Record<string, string>
}

const manifestOf = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))

const stage = await mkdtemp(join(tmpdir(), 'herald-package-'))
try {
  const dependencies: Record<string, string> = {}
  for (const room of rooms) {
    const target = join(stage, 'node_modules/@herald', room)
    await mkdir(target, { recursive: true })
    for (const name of contents) {
      await cp(join(root, room, name), join(target, name), {
        recursive: true,
        filter: (path) => !path.endsWith('.map'),
      }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
    }
    Object.assign(dependencies, (await manifestOf(join(root, room))).dependencies)
  }

  await mkdir(join(stage, 'bin'))
  for (const [name, file] of Object.entries(programs)) {
    const target = JSON.stringify(`../node_modules/@herald/${file}`)
    const text = `#!/usr/bin/env node\nimport ${target}\n`
    await writeFile(join(stage, 'bin', `${name}.js`), text, { mode: 0o755 })
  }
  for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', '.env.example'])
    await cp(join(root, name), join(stage, name))

  const { version, description, license, engines } = await manifestOf(root)
  const manifest = {
    name: 'herald',
    version,
    description,
    license,
    engines,
    type: 'module',
    bin: Object.fromEntries(Object.keys(programs).map((name) => [name, `bin/${name}.js`])),
    dependencies,
    bundleDependencies: rooms.map((room) => `@herald/${room}`),
  }
  for (const room of rooms) dependencies[`@herald/${room}`] = version
  await writeFile(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  execFileSync('npm', ['pack', '--silent', stage], { stdio: 'inherit' })
} finally {
  await rm(stage, { recursive: true, force: true })
}
