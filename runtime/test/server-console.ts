import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createFolder } from '@herald/runtime/create-folder'
import { dataFolder } from '@herald/runtime/data-folder'
import { describeStartError } from '@herald/runtime/start-error'

export interface ConsoleOptions {
  readonly name: string
  /** `npm run <command>` calls it. */
  readonly command: string
  readonly defaultPort: number
  /** Default: 65535. */
  readonly maxPort?: number
  /** The name of its folder in Herald's data folder. */
  readonly folder: string
}

export interface ConsoleServer {
  /** Printed when it is ready. */
  readonly lines: readonly string[]
  stop(): Promise<void>
}

const print = (text: string) => process.stderr.write(`${text}\n`)

/**
 * Runs a server for development in the foreground, with the port and the folder of the command line.
 * Ctrl-C stops it, a second one ends the program at once. Exits with 1 if `start` rejects.
 */
export async function runServerConsole(
  { name, command, defaultPort, maxPort = 65_535, folder }: ConsoleOptions,
  start: (given: { port: number; data: string }) => Promise<ConsoleServer>,
): Promise<never> {
  try {
    const defaultData = join(dataFolder(process.env), folder)
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: String(defaultPort) },
        data: { type: 'string', default: defaultData },
        help: { type: 'boolean', default: false },
      },
    })
    const { port, data, help } = values
    if (help) {
      print(`Usage: npm run ${command} [-- --port ${defaultPort} --data ${defaultData}]`)
      process.exit(0)
    }
    if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > maxPort) {
      throw new Error(`--port ${port} is not a port: expected a number from 1 to ${maxPort}.`)
    }
    const stopping = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.once(signal, () => {
          process.once(signal, () => process.exit(1))
          resolve()
        })
      }
    })
    await createFolder(data)
    // Another server there would be taken for this one.
    await requireFree(Number(port))
    const server = await start({ port: Number(port), data })
    for (const line of server.lines) print(line)
    await stopping
    print(`Stopping ${name} …`)
    await server.stop()
    process.exit(0)
  } catch (error) {
    print(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
}

/** Rejects with the name of the program that has the port. */
async function requireFree(port: number): Promise<void> {
  const probe = createServer().listen(port, '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch (error) {
    throw new Error((await describeStartError(error))?.message ?? String(error))
  }
  await once(probe.close(), 'close')
}
