import { execFile } from 'node:child_process'
import { access, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const version = 'v1.0.1'

/**
 * MailHog has no go.mod of its own, so `go install` would use the newest version of everything it
 * imports. These four have no tags, and not every module proxy can resolve their newest version;
 * they have not changed since MailHog was released.
 */
const goModule = `module herald.localhost/mailhog

go 1.21

require (
	github.com/ian-kent/envconf v0.0.0-20141026121121-c19809918c02
	github.com/ian-kent/go-log v0.0.0-20160113211217-5731446c36ab
	github.com/ian-kent/goose v0.0.0-20141221090059-c3541ea826ad
	github.com/ian-kent/linkio v0.0.0-20170807205755-97566b872887
	github.com/mailhog/MailHog ${version}
)
`

export type MailHogBinary = { readonly path: string } | { readonly missing: string }

/**
 * The real MailHog: built from source with Go the first time, then taken from the cache in the home folder.
 * Never rejects: if there is none, `missing` has the reason and what to do.
 */
export async function findOrBuildMailHog(
  cache = join(homedir(), '.cache', 'herald'),
): Promise<MailHogBinary> {
  const path = join(cache, `mailhog-${version}${process.platform === 'win32' ? '.exe' : ''}`)
  if (await exists(path)) return { path }
  try {
    await run('go', ['version'])
  } catch {
    return { missing: 'MailHog is built with Go, and there is no `go` on the PATH' }
  }
  const folder = await mkdtemp(join(tmpdir(), 'herald-mailhog-'))
  try {
    await writeFile(join(folder, 'go.mod'), goModule)
    const built = join(folder, 'mailhog')
    await run('go', ['build', '-mod=mod', '-o', built, 'github.com/mailhog/MailHog'], {
      cwd: folder,
      timeout: 300_000,
      maxBuffer: 16 * 1024 * 1024,
    })
    await mkdir(cache, { recursive: true })
    // Copied under a unique name first: two test runs may build at the same time.
    const staged = `${path}.${process.pid}`
    await copyFile(built, staged)
    await rename(staged, path)
    return { path }
  } catch (error) {
    const output = String((error as { stderr?: string }).stderr ?? error).trim()
    return { missing: `MailHog could not be built: ${output.split('\n').at(-1)}` }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
