import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from './ports.js'

/** `tests/external-tools/install` builds it. */
const installed = join(homedir(), '.cache', 'herald', 'external-tools', 'bin', 'versitygw')
const command = existsSync(installed) ? installed : 'versitygw'

/** Why no S3 server can be started here, as the end of a suite's name; else empty. */
export const noS3Server =
  spawnSync(command, ['--version']).error === undefined
    ? ''
    : ' (left out: versitygw is not installed; tests/external-tools/install builds it)'

/** A real S3 server: versitygw on a folder, on loopback. */
export interface S3Server {
  /** `http://127.0.0.1:12345` */
  readonly endpoint: string
  /** What programs need to use it. */
  readonly credentials: Readonly<Record<'AWS_ACCESS_KEY_ID' | 'AWS_SECRET_ACCESS_KEY', string>>
  /** The blob store's URL of a new bucket. */
  bucket(name: string): Promise<string>
  urlOf(bucket: string): string
  /** The credentials of a new user, who may use no bucket. */
  user(): Promise<S3Server['credentials']>
  /** Ends it; `start` starts it again at the same address. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Ends it and removes its folder. */
  close(): Promise<void>
}

const credentials = { AWS_ACCESS_KEY_ID: 'herald', AWS_SECRET_ACCESS_KEY: 'for-tests-only' }

/** `directory`: where buckets are; by default a new folder. */
export async function startS3Server(directory?: string): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-s3-'))
  const root = directory ?? join(folder, 'buckets')
  await mkdir(root, { recursive: true })
  const users = join(folder, 'users')
  await mkdir(users)
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined

  const urlOf = (bucket: string) => `s3://${bucket}?endpoint=${encodeURIComponent(endpoint)}`
  const server: S3Server = {
    endpoint,
    credentials,
    urlOf,
    async bucket(name) {
      // versitygw: each folder is a bucket.
      await mkdir(join(root, name))
      return urlOf(name)
    },
    async user() {
      const [access, secret] = [`user-${randomUUID()}`, randomUUID()]
      const { AWS_ACCESS_KEY_ID: admin, AWS_SECRET_ACCESS_KEY: password } = credentials
      const login = ['--access', admin, '--secret', password, '--endpoint-url', endpoint]
      const words = ['create-user', '--access', access, '--secret', secret, '--role', 'user']
      await promisify(execFile)(command, ['admin', ...login, ...words])
      return { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret }
    },
    async start() {
      const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = credentials
      const words = ['--port', `127.0.0.1:${port}`, '--access', access, '--secret', secret]
      const options = [...words, '--iam-dir', users, 'posix', root]
      const started = spawn(command, options, { stdio: 'ignore' })
      child = started
      while (!(await isListening(port))) {
        if (started.exitCode !== null) throw new Error(`versitygw ended with ${started.exitCode}`)
        await sleep(20)
      }
    },
    async stop() {
      const ended = child
      child = undefined
      if (!ended || ended.exitCode !== null) return
      ended.kill('SIGKILL')
      await once(ended, 'exit')
    },
    async close() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
