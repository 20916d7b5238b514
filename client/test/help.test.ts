import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const linked = fileURLToPath(new URL('../../node_modules/.bin/herald', import.meta.url))
const own = fileURLToPath(new URL('../bin/herald.js', import.meta.url))

test('npm has linked the command', () => {
  expect(existsSync(linked)).toBe(true)
})

test('help names the commands, the exit statuses and the environment; version is the package’s', () => {
  const help = spawnSync(process.execPath, [own, '--help'], { encoding: 'utf8' }).stdout
  for (const word of ['convert', 'formats', 'outbox', 'Exit status', '130', 'HERALD_CONVERTER']) {
    expect(help).toContain(word)
  }
  const version = spawnSync(process.execPath, [own, '--version'], { encoding: 'utf8' }).stdout
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  expect(version).toBe(`${JSON.parse(manifest).version}\n`)
})

test('a call without a command prints the help and ends with 2', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [own], { encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toContain('Usage: herald')
})

test.each([
  ['herald con', 'convert'],
  ['herald convert --skip', '--skip-existing'],
  ['herald convert a.png --fit co', 'cover contain'],
  ['herald convert --to we', 'webp'],
])('bash completes %j', (typed, expected) => {
  const words = typed.split(' ').map((word) => `'${word}'`)
  const script = `
    source <("$1" "$2" completion bash)
    COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}
    _herald; echo "\${COMPREPLY[*]}"`
  const { stdout } = spawnSync('bash', ['-c', script, 'bash', process.execPath, own], {
    encoding: 'utf8',
  })
  expect(
    stdout
      .trim()
      .split(' ')
      .filter((word) => expected.split(' ').includes(word)),
  ).toEqual(expected.split(' '))
})

test('fish gets its own script, a strange shell the names of those that are known', () => {
  const run = (shell: string) =>
    spawnSync(process.execPath, [own, 'completion', shell], { encoding: 'utf8' })
  expect(run('fish').stdout).toContain('-l recursive')
  expect(run('zsh').stdout).toMatch(/^autoload/)
  expect(run('csh')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('bash, zsh, fish'),
  })
})
