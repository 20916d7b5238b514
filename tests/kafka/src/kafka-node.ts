import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createWriteStream, existsSync, type WriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { type KafkaInstallation, room } from './find-kafka.js'
import { untilResponsive } from './ready.js'
import { type ClusterShape, nodeDirectory, serverProperties } from './server-properties.js'

const run = promisify(execFile)

/** Kafka did not start. The message has the reason and the last lines of its log. */
export class KafkaStartError extends Error {
  override readonly name = 'KafkaStartError'
}

export interface NodeOptions {
  readonly installation: KafkaInstallation
  readonly shape: ClusterShape
  readonly index: number
  readonly clusterId: string
  readonly heapMb: number
  readonly startTimeoutMs: number
}

/** The process and the folder of one broker. */
export class KafkaNode {
  readonly #options: NodeOptions
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()

  constructor(options: NodeOptions) {
    this.#options = options
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  /** The process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Formats the storage if it is new and starts the broker. Resolves when it accepts requests. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return
    const { shape, index, startTimeoutMs } = this.#options
    const directory = nodeDirectory(shape.dataDirectory, index)
    const properties = `${directory}.properties`
    await mkdir(shape.dataDirectory, { recursive: true })
    // It may contain passwords.
    await writeFile(properties, serverProperties(shape, index), { mode: 0o600 })
    if (!existsSync(join(directory, 'meta.properties'))) await this.#format(properties)

    const child = spawn(
      this.#options.installation.java,
      [...this.#javaOptions(), 'kafka.Kafka', properties],
      // Its own process group, so that Ctrl-C reaches this process only, which then stops the brokers.
      { detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    this.#child = child
    const removeWatcher = killWithThisProcess(child)
    const output = new Output(child, `${directory}.log`)
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => output.fail(`could not be run: ${error.message}`))
      child.once('close', (code, signal) => {
        this.#child = undefined
        removeWatcher()
        output.fail(`ended (${signal ?? `exit ${code}`}) before it was ready`)
        output.close()
        resolve()
      })
    })
    const timer = setTimeout(
      () => output.fail(`was not ready within ${startTimeoutMs / 1000} s`),
      startTimeoutMs,
    )
    try {
      await output.started
      const port = shape.ports[index]?.client ?? 0
      await untilResponsive(
        { host: shape.host, port },
        startTimeoutMs,
        shape.security?.tls !== undefined,
      )
    } catch (error) {
      await this.kill()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** SIGKILL. Resolves when the process has ended. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#exited
  }

  /** SIGTERM, and SIGKILL after `timeoutMs`. Resolves when the process has ended. */
  async stop(timeoutMs: number): Promise<void> {
    this.#child?.kill('SIGTERM')
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), timeoutMs)
    await this.#exited
    clearTimeout(timer)
  }

  async #format(properties: string): Promise<void> {
    const { installation, clusterId, shape } = this.#options
    const tool = ['kafka.tools.StorageTool', 'format', '--ignore-formatted']
    try {
      await run(installation.java, [
        ...this.#javaOptions(),
        ...tool,
        // One argument: an id may begin with a dash.
        ...[`--cluster-id=${clusterId}`, '--config', properties],
        ...Object.entries(shape.security?.scramUsers ?? {}).flatMap(([name, password]) => [
          '--add-scram',
          `SCRAM-SHA-512=[name=${name},password=${password}]`,
        ]),
      ])
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
      throw new KafkaStartError(
        `Kafka's storage could not be formatted:\n${`${stdout}${stderr}`.trim().slice(-2000)}`,
        { cause: error },
      )
    }
  }

  #javaOptions(): string[] {
    const { installation, heapMb } = this.#options
    return [
      `-Xmx${heapMb}m`,
      // Starts in under 2 s. A broker of this size needs no more.
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      `-Dlog4j2.configurationFile=${join(room, 'log4j2.xml')}`,
      ...['-cp', installation.classPath],
    ]
  }
}

/** Writes a broker's output to a file and waits for the line that it has started. */
class Output {
  readonly #log: WriteStream
  readonly #lastLines: string[] = []
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined
  /** Resolves when the broker reports that it has started. Rejects if it fails before. */
  readonly started = new Promise<void>((resolve, reject) => {
    this.#settle = { resolve, reject }
  })

  constructor(child: ChildProcess, path: string) {
    this.#log = createWriteStream(path, { flags: 'a' })
    this.started.catch(() => {})
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#add(line))
    }
  }

  fail(what: string): void {
    const lines = this.#lastLines.join('\n')
    this.#settle?.reject(new KafkaStartError(`Kafka ${what}. Its last lines:\n${lines}`))
  }

  close(): void {
    this.#log.end()
  }

  #add(line: string): void {
    if (!this.#log.writableEnded) this.#log.write(`${line}\n`)
    this.#lastLines.push(line)
    if (this.#lastLines.length > 15) this.#lastLines.shift()
    if (line.includes('Kafka Server started')) this.#settle?.resolve()
  }
}

/** Kills a process when this one ends, even by kill -9. Returns a function that undoes this. */
function killWithThisProcess(child: ChildProcess): () => void {
  if (process.platform === 'win32' || child.pid === undefined) return () => {}
  const watcher = spawn('sh', ['-c', `read -r _; kill -9 ${child.pid} 2>/dev/null`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.on('error', () => {})
  watcher.unref()
  return () => watcher.kill('SIGKILL')
}
