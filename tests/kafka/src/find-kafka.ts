import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify, stripVTControlCharacters } from 'node:util'

/** An Apache Kafka that can be started. */
export interface KafkaInstallation {
  /** `4.4.0`. */
  readonly version: string
  /** The Java that runs it. */
  readonly java: string
  /** For `java -cp`. */
  readonly classPath: string
}

/** The installation, or the reason why there is none and what to do. */
export type FoundKafka = { readonly installation: KafkaInstallation } | { readonly missing: string }

const run = promisify(execFile)
/** The folder tests/kafka: this file runs as dist/src/find-kafka.js. */
export const room = fileURLToPath(new URL('../..', import.meta.url))
const minJava = 17

/**
 * Finds Java and Kafka's jars in the cache (~/.cache/herald/kafka-VERSION, or below XDG_CACHE_HOME).
 * Missing jars are downloaded with Maven, which takes some seconds; `onFetch` is called before.
 */
export async function findKafka(
  env: Readonly<Record<string, string | undefined>> = process.env,
  onFetch: () => void = () => {},
): Promise<FoundKafka> {
  const java = env['JAVA_HOME'] ? join(env['JAVA_HOME'], 'bin', 'java') : 'java'
  const javaMissing = await whyNoJava(java, env)
  if (javaMissing !== undefined) return { missing: javaMissing }
  const pom = await readFile(join(room, 'pom.xml'), 'utf8')
  const version = /<kafka\.version>([^<]+)</.exec(pom)?.[1] ?? 'unknown'
  const cache = env['XDG_CACHE_HOME'] || join(env['HOME'] ?? homedir(), '.cache')
  const folder = join(cache, 'herald', `kafka-${version}`)
  if (!isComplete(folder, pom)) {
    onFetch()
    const failed = await fetchJars(folder, pom, env)
    if (failed !== undefined) return { missing: failed }
  }
  return { installation: { version, java, classPath: join(folder, 'lib', '*') } }
}

async function whyNoJava(java: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    const { stderr } = await run(java, ['-version'], { env })
    const found = Number(/version "(?:1\.)?(\d+)/.exec(stderr)?.[1])
    if (found >= minJava) return undefined
    return `Kafka needs Java ${minJava} or newer, but ${java} is version ${found}. Install a newer one, or set JAVA_HOME to it.`
  } catch {
    return `Kafka needs Java ${minJava} or newer, and ${java} cannot be run. Install it (Debian: apt install openjdk-17-jre-headless), or set JAVA_HOME.`
  }
}

/** pom.xml is written last: if it is there and the same, all jars are. */
function isComplete(folder: string, pom: string): boolean {
  try {
    return readFileSync(join(folder, 'pom.xml'), 'utf8') === pom
  } catch {
    return false
  }
}

/** Several processes may download at once: each to its own folder, which is renamed when complete. */
async function fetchJars(
  folder: string,
  pom: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  await mkdir(dirname(folder), { recursive: true })
  const fetching = await mkdtemp(`${folder}.`)
  try {
    const options = ['-B', '-q', '--strict-checksums', '-f', join(room, 'pom.xml')]
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime']
    await run('mvn', [...options, ...goal, `-DoutputDirectory=${join(fetching, 'lib')}`], { env })
    await writeFile(join(fetching, 'pom.xml'), pom)
    if (isComplete(folder, pom)) return undefined
    await rm(folder, { recursive: true, force: true })
    await rename(fetching, folder)
    return undefined
  } catch (error) {
    if (isComplete(folder, pom)) return undefined
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return `Maven is not installed, and Kafka's jars are not in ${folder} yet. Install Maven (Debian: apt install maven); it is needed once.`
    }
    return `Maven could not fetch Kafka's jars. Check the network. Maven reports: ${firstError(error)}`
  } finally {
    await rm(fetching, { recursive: true, force: true })
  }
}

function firstError(error: unknown): string {
  const { stdout = '', message = '' } = error as { stdout?: string; message?: string }
  const line = stdout.split('\n').find((each) => each.includes('[ERROR]'))
  return stripVTControlCharacters(line ?? message).replace('[ERROR] ', '')
}
