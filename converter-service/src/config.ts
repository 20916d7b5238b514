import { accessSync, constants, statSync } from 'node:fs'
import { availableParallelism, tmpdir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import {
  address,
  bytes,
  duration,
  integer,
  loadEnv,
  logLevel,
  text,
  variable,
} from '@herald/runtime/env'

export interface ConverterConfig {
  /** `host:port` of the gRPC server. */
  readonly listen: string
  /** `host:port` of the probes. */
  readonly probes: string
  readonly maxBytes: number
  readonly maxPixels: number
  readonly maxPages: number
  readonly timeoutMs: number
  /** Processor time of one conversion. */
  readonly cpuMs: number
  /** Of all renditions of one conversion. */
  readonly maxOutputBytes: number
  /** The longest pause of an upload or a download, and of a connection without calls. */
  readonly idleMs: number
  /** The least bytes of an upload in a second, as a mean over `idleMs`. */
  readonly uploadRate: number
  /** The most time of an upload. */
  readonly uploadTimeoutMs: number
  /** Uploads and downloads at a time, beside the conversions that run or wait. */
  readonly transfers: number
  /** The share of conversions or transfers that one address may hold, 0 to 1. */
  readonly peerShare: number
  /** Child processes, and so conversions at a time. */
  readonly children: number
  /** Conversions that may wait beside those that run. */
  readonly queue: number
  /** Of one child and what it spawned, in bytes. */
  readonly memoryBytes: number
  /** Tasks after which a child is replaced. */
  readonly tasksPerChild: number
  /** Folder for uploads and unfinished renditions. */
  readonly spool: string
  readonly logLevel: string
  /** The environment of the children. */
  readonly childEnv: Readonly<Record<string, string>>
}

/** The part of our environment that children get: programs, fonts, temporary files, language. */
const childVariables =
  /^(PATH|HOME|TMPDIR|TZ|LANG|HERALD_SOFFICE|LC_\w+|XDG_CACHE_HOME|FONTCONFIG_\w+)$/

/** The configuration from the environment. Throws ConfigurationError that names every error. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): ConverterConfig {
  const values = loadEnv(
    {
      HERALD_CONVERTER_LISTEN: address('127.0.0.1:50051'),
      HERALD_CONVERTER_PROBES: address('127.0.0.1:9101'),
      HERALD_MAX_BYTES: bytes('100M'),
      HERALD_MAX_PIXELS: integer(50_000_000, 1, 2_000_000_000),
      HERALD_MAX_PAGES: integer(500, 1, 100_000),
      HERALD_TIMEOUT: duration('30s'),
      HERALD_CPU: duration('2m'),
      HERALD_MAX_OUTPUT: bytes('1G'),
      HERALD_IDLE: duration('60s'),
      HERALD_UPLOAD_RATE: bytes('4k'),
      HERALD_UPLOAD_TIMEOUT: duration('1h'),
      HERALD_TRANSFERS: integer(256, 1, 100_000),
      HERALD_PEER_PERCENT: integer(75, 1, 100),
      HERALD_WORKERS: integer(Math.min(availableParallelism(), 256), 1, 256),
      HERALD_WORKER_JOBS: integer(1000, 1, 1_000_000),
      HERALD_QUEUE: integer(64, 0, 100_000),
      // AVIF needs the most: 1.6 GiB for a photograph at the default pixel limit.
      HERALD_MEMORY: bytes('2G'),
      HERALD_SPOOL: text(/\S/, { fallback: defaultSpool(), form: 'the path of a folder' }),
      // Confinement of the children needs a path that exists.
      HERALD_SOFFICE: variable((path) => (isProgram(path) ? path : undefined), {
        optional: true,
        form: 'the path of an existing program; if unset, soffice on the PATH is used',
      }),
      HERALD_LOG_LEVEL: logLevel(),
    },
    env,
  )
  return Object.freeze({
    listen: values.HERALD_CONVERTER_LISTEN,
    probes: values.HERALD_CONVERTER_PROBES,
    maxBytes: values.HERALD_MAX_BYTES,
    maxPixels: values.HERALD_MAX_PIXELS,
    maxPages: values.HERALD_MAX_PAGES,
    timeoutMs: values.HERALD_TIMEOUT,
    cpuMs: values.HERALD_CPU,
    maxOutputBytes: values.HERALD_MAX_OUTPUT,
    idleMs: values.HERALD_IDLE,
    uploadRate: values.HERALD_UPLOAD_RATE,
    uploadTimeoutMs: values.HERALD_UPLOAD_TIMEOUT,
    transfers: values.HERALD_TRANSFERS,
    peerShare: values.HERALD_PEER_PERCENT / 100,
    children: values.HERALD_WORKERS,
    queue: values.HERALD_QUEUE,
    memoryBytes: values.HERALD_MEMORY,
    tasksPerChild: values.HERALD_WORKER_JOBS,
    spool: values.HERALD_SPOOL,
    logLevel: values.HERALD_LOG_LEVEL,
    childEnv: Object.fromEntries(
      Object.entries(env).filter(
        (entry): entry is [string, string] =>
          childVariables.test(entry[0]) && entry[1] !== undefined,
      ),
    ),
  })
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return isAbsolute(path) && statSync(path).isFile()
  } catch {
    return false
  }
}

function defaultSpool(): string {
  return join(tmpdir(), `herald-${userInfo().uid}`)
}
