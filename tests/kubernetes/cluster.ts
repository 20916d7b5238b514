import { execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)
const program = process.env['HERALD_KUBECTL'] ?? 'kubectl'
const options = { maxBuffer: 2 ** 26 }

/** What `kubectl --namespace herald …` prints; rejects with its error. */
export async function kubectl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(program, ['--namespace', 'herald', ...args], options)
  return stdout.trim()
}

/** What a command prints in the newest running pod of a program. */
export async function inPod(name: string, ...command: readonly string[]): Promise<string> {
  return kubectl('exec', (await podOf(name)).name, '--', ...command)
}

/** The newest pod of a program. */
export async function podOf(
  program: string,
): Promise<{ name: string; address: string; restarts: number }> {
  const selector = `--selector=app.kubernetes.io/name=${program}`
  const order = '--sort-by=.metadata.creationTimestamp'
  const { items } = JSON.parse(await kubectl('get', 'pods', selector, order, '--output=json'))
  const { metadata, status } = items.at(-1)
  const [{ restartCount }] = status.containerStatuses
  return { name: metadata.name, address: status.podIP, restarts: restartCount }
}

/** Runs a pod that does nothing; resolves to its name when it is ready. */
export async function runProbe(...options: readonly string[]): Promise<string> {
  const image = 'registry.example.com/herald:0.1.0'
  const rights = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  const spec = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{ name: 'probe', image, command: ['sleep', '3600'], securityContext: rights }],
  }
  const overrides = `--overrides=${JSON.stringify({ spec })}`
  await kubectl('run', 'probe', `--image=${image}`, overrides, ...options)
  await kubectl(
    'wait',
    '--for=condition=Ready',
    'pod/probe',
    '--timeout=60s',
    ...options.filter(isNamespace),
  )
  return 'probe'
}

const isNamespace = (option: string) => option.startsWith('--namespace')

/** How containers of the namespace have ended since the call: `web-0: 0`. */
export function watchEnds(): { readonly ends: Set<string>; close(): void } {
  const ends = new Set<string>()
  const status = '.status.containerStatuses[0]'
  const columns = `custom-columns=A:.metadata.name,B:${status}.state.terminated.exitCode`
  const args = ['--namespace=herald', 'get', 'pods', '--watch', '--no-headers', '-o', columns]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [name, exitStatus] = line.split(/\s+/)
    if (exitStatus !== '<none>') ends.add(`${name}: ${exitStatus}`)
  })
  return { ends, close: () => void child.kill() }
}

/** Which of the places, each `host port`, a pod can connect to; `pod` is its name, and options of kubectl. */
export async function reachedFrom(
  pod: readonly string[],
  places: readonly string[],
): Promise<string[]> {
  const script = `
    const { connect } = require('node:net')
    const connectTo = (place) => new Promise((resolve) => {
      const [host, port] = place.split(' ')
      const socket = connect({ host, port, timeout: 3000 })
      const end = (text) => { socket.destroy(); resolve(text) }
      socket.on('connect', () => end([place])).on('error', () => end([])).on('timeout', () => end([]))
    })
    Promise.all(process.argv.slice(1).map(connectTo)).then((all) => console.log(JSON.stringify(all.flat())))`
  return JSON.parse(await kubectl('exec', ...pod, '--', 'node', '--eval', script, ...places))
}

/** Sends a file to the page's service, as an ingress does; resolves to the status, 0 without a response. */
export async function convert(
  service: string,
  { file, to, notify }: { file: string; to: string; notify: string },
): Promise<number> {
  const headers = ['host: convert.example.com', 'x-forwarded-proto: https']
  const request = ['accept: application/json', ...headers].flatMap((each) => ['--header', each])
  const form = [`to=${to}`, `notify=${notify}`, `file=@${file}`].flatMap((each) => ['--form', each])
  const output = ['--silent', '--max-time', '60', '--output', '/dev/null', '--write-out']
  const { stdout } = await run('curl', [
    ...output,
    '%{http_code}',
    ...request,
    ...form,
    `http://${service}/convert`,
  ]).catch((error) => error as { stdout: string })
  return Number(stdout)
}
