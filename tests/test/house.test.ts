import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Which rooms a room may import; the ground floor first. */
const floors: Record<string, readonly string[]> = {
  proto: [],
  runtime: [],
  broker: ['proto', 'runtime'],
  'converter-service': ['proto', 'runtime', 'broker'],
  client: ['proto', 'runtime', 'broker'],
  'notifier-service': ['proto', 'runtime', 'broker'],
  mailhog: ['runtime'],
  stack: ['runtime', 'mailhog'],
  'tests/kafka': ['runtime'],
  'tests/postgres': [],
  bench: [
    'proto',
    'runtime',
    'broker',
    'converter-service',
    'client',
    'notifier-service',
    'mailhog',
    'kafka',
    'nats',
    'postgres',
    'rabbitmq',
    'stack',
    'tests',
  ],
}

/**
 * Libraries that talk to the outside, and the folder or file that alone imports each in a room.
 * Where they are measured or compared with, they stand alone.
 */
const owners: Record<string, readonly string[]> = {
  lmdb: ['runtime/src/store/store.ts'],
  '@aws-sdk': ['runtime/src/blobs/'],
  postgres: ['runtime/src/postgres/'],
  kafkajs: [
    'broker/src/drivers/kafka',
    'bench/src/rivals/',
    'bench/src/kafka.ts',
    'tests/src/faults/kafka-partitions.ts',
  ],
  sharp: [
    'converter-service/src/engines/',
    'converter-service/src/children/',
    'bench/src/rivals/',
    'tests/src/faults/bare-sharp.ts',
  ],
  nodemailer: ['notifier-service/src/smtp/', 'notifier-service/src/mail/', 'bench/src/rivals/'],
}

const sources = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', '*/src/*.ts'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && !path.includes('/generated/'))

interface Import {
  file: string
  room: string
  specifier: string
}

const imports: Import[] = sources.flatMap((file) => {
  const text = readFileSync(join(root, file), 'utf8')
  const room = file.slice(0, file.indexOf('/src/'))
  return [...text.matchAll(/(?:from|import\(|import)\s*'([^']+)'/g)].map((match) => ({
    file,
    room,
    specifier: match[1] as string,
  }))
})

/** Groups of files in which each imports every other, directly or through others of the group. */
function circles(edges: readonly Import[]): string[][] {
  const imported = new Map<string, string[]>()
  for (const { file, specifier } of edges) {
    if (!specifier.startsWith('.')) continue
    const target = join(dirname(file), specifier).replace(/\.js$/, '.ts')
    imported.set(file, [...(imported.get(file) ?? []), target])
  }
  const reached = (from: string) => {
    const seen = new Set<string>()
    const visit = (file: string) => {
      for (const next of imported.get(file) ?? []) {
        if (seen.has(next)) continue
        seen.add(next)
        visit(next)
      }
    }
    visit(from)
    return seen
  }
  const reach = new Map([...imported.keys()].map((file) => [file, reached(file)]))
  const groups = [...reach].flatMap(([file, files]) =>
    files.has(file) ? [[...files].filter((other) => reach.get(other)?.has(file)).sort()] : [],
  )
  return [...new Map(groups.map((group) => [group.join(), group])).values()]
}

describe('the house', () => {
  test('has been read: every room has sources and imports', () => {
    for (const room of Object.keys(floors)) {
      expect(imports.some((each) => each.room === room)).toBe(true)
    }
  })

  test('a room imports only the rooms below it', () => {
    const wrong = imports.filter(({ room, specifier }) => {
      const other = /^@herald\/([^/]+)/.exec(specifier)?.[1]
      return other !== undefined && other !== room && floors[room]?.includes(other) === false
    })
    expect(wrong).toEqual([])
  })

  test('a relative import stays in its room', () => {
    const wrong = imports.filter(
      ({ file, room, specifier }) =>
        specifier.startsWith('.') && !join(dirname(file), specifier).startsWith(`${room}/src/`),
    )
    expect(wrong).toEqual([])
  })

  test('files do not import each other in a circle', () => {
    expect(circles(imports)).toEqual([])
  })

  test('a circle of imports is found, whatever its length', () => {
    const edge = (file: string, specifier: string) => ({ room: 'a', file, specifier })
    const line = [edge('a/src/x.ts', './y.js'), edge('a/src/y.ts', './lower/z.js')]
    expect(circles(line)).toEqual([])
    expect(circles([...line, edge('a/src/lower/z.ts', '../x.js')])).toEqual([
      ['a/src/lower/z.ts', 'a/src/x.ts', 'a/src/y.ts'],
    ])
  })

  test.each(Object.entries(owners))(
    '%s is imported only where its concern lives',
    (library, places) => {
      const importers = imports.filter(
        ({ specifier }) => specifier === library || specifier.startsWith(`${library}/`),
      )
      expect(
        importers.filter(({ file }) => !places.some((place) => file.startsWith(place))),
      ).toEqual([])
    },
  )

  test('the environment is read in entry points only', () => {
    const entries = /\/src\/(main|webhook\/main|cli|start|demo)\.ts$/
    const wrong = sources.filter(
      (file) =>
        !entries.test(file) && /\bprocess\.env[.[]/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(wrong).toEqual([])
  })
})
