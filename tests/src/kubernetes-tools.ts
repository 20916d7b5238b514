import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** `tests/kubernetes/install` fills it. */
const cache = join(homedir(), '.cache', 'herald', 'kubernetes-tools')
const kubectlProgram = join(cache, 'kubectl-1.37.2')
const validateProgram = join(cache, 'validate', 'bin', 'kubernetes-validate')
const apiserverProgram = join(cache, 'kube-apiserver-1.37.2')
const etcdProgram = join(cache, 'etcd', 'usr', 'bin', 'etcd')
/** Definitions of KEDA's objects. */
export const kedaDefinitions = join(cache, 'keda-v2.17.0.yaml')

const reasonWithout = (programs: readonly string[], how: string) =>
  programs.every(existsSync) ? '' : ` (left out: ${how})`

/** Why manifests cannot be built and validated here, as the end of a suite's name; else empty. */
export const noKubernetesTools = reasonWithout(
  [kubectlProgram, validateProgram],
  'kubectl and kubernetes-validate are not installed; tests/kubernetes/install installs them',
)

/** Why no Kubernetes API server can be started here, as the end of a suite's name; else empty. */
export const noApiServer =
  noKubernetesTools ||
  reasonWithout(
    [apiserverProgram, etcdProgram, kedaDefinitions],
    'kube-apiserver is not built; tests/kubernetes/install --apiserver builds it in 15 minutes',
  )

export interface Finished {
  readonly status: number | null
  readonly output: string
}

function run(program: string, args: readonly string[], input?: string): Finished {
  const options = { input, encoding: 'utf8', maxBuffer: 2 ** 26 } as const
  const { status, stdout, stderr } = spawnSync(program, args, options)
  return { status, output: stdout + stderr }
}

/** What `kubectl kustomize` makes of a folder; throws with its error. */
export const kustomize = (folder: string): string =>
  execFileSync(kubectlProgram, ['kustomize', folder], { encoding: 'utf8' })

/** Checks a file of manifests against the schemas of Kubernetes 1.37; an unknown field is an error. */
export const validate = (file: string) =>
  run(validateProgram, ['-k', '1.37.0', '--strict', '--quiet', file])

/** A real kube-apiserver with etcd, without nodes: it checks and stores objects, nothing runs. */
export interface ApiServer {
  kubectl(args: readonly string[], input?: string): Finished
  close(): Promise<void>
}

export async function startApiServer(): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-kubernetes-'))
  const children: ChildProcess[] = []
  const start = (program: string, args: readonly string[]) => {
    const child = spawn(program, args, { cwd: folder, stdio: 'ignore' })
    children.push(child)
    return child
  }
  const close = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  }
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()]
  const etcd = `http://127.0.0.1:${client}`
  start(etcdProgram, [
    '--data-dir=etcd',
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
  ])
  execFileSync('openssl', ['genrsa', '-out', 'key.pem', '2048'], { cwd: folder, stdio: 'ignore' })
  await writeFile(join(folder, 'tokens.csv'), 'token,admin,1,system:masters\n')
  const server = start(apiserverProgram, [
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    '--cert-dir=certificates',
    '--service-account-issuer=https://herald.example',
    '--service-account-key-file=key.pem',
    '--service-account-signing-key-file=key.pem',
    '--service-cluster-ip-range=10.96.0.0/24',
    '--token-auth-file=tokens.csv',
    '--authorization-mode=RBAC',
    '--endpoint-reconciler-type=none',
    // Nothing creates service accounts here.
    '--disable-admission-plugins=ServiceAccount',
  ])
  const kubectl = (args: readonly string[], input?: string) =>
    run(
      kubectlProgram,
      [
        `--server=https://127.0.0.1:${port}`,
        '--token=token',
        '--insecure-skip-tls-verify',
        '--kubeconfig=/dev/null',
        `--cache-dir=${folder}`,
        ...args,
      ],
      input,
    )
  while (kubectl(['get', '--raw', '/readyz']).status !== 0) {
    if (server.exitCode !== null || server.signalCode !== null) {
      await close()
      throw new Error(`kube-apiserver has ended with ${server.exitCode ?? server.signalCode}`)
    }
    await delay(200)
  }
  return { kubectl, close }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
