import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import {
  type ApiServer,
  kedaDefinitions,
  kustomize,
  noApiServer,
  noKubernetesTools,
  startApiServer,
  validate,
} from '#src/kubernetes-tools'

const root = fileURLToPath(new URL('../../', import.meta.url))
const manifests = join(root, 'deploy/kubernetes')
const overlays = ['single', 'cluster'] as const
/** Kinds of others, whose schemas are not those of Kubernetes. */
const foreign = ['ScaledObject', 'ServiceMonitor']

// biome-ignore lint/suspicious/noExplicitAny: manifests, whose shape the tests are about.
type Manifest = any

const parsed = (text: string): Manifest[] =>
  parseAllDocuments(text).map((document) => document.toJS())
const isWorkload = ({ kind }: Manifest) => kind === 'Deployment' || kind === 'StatefulSet'
const isNamed = (name: string) => (each: Manifest) => (each.metadata?.name ?? each.name) === name
const workloads = (overlay: string) =>
  parsed(kustomize(join(manifests, 'overlays', overlay))).filter(isWorkload)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(manifests, '.test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The overlay `cluster` with every option. */
function withAllComponents(): string {
  const components = ['converter-sandbox', 'autoscaling', 'monitoring']
  const kustomization = {
    namespace: 'herald',
    resources: ['../overlays/cluster'],
    components: components.map((name) => `../components/${name}`),
  }
  writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
  return kustomize(folder)
}

function validateText(text: string) {
  const file = join(mkdtempSync(join(tmpdir(), 'herald-manifests-')), 'all.yaml')
  try {
    writeFileSync(file, text)
    return validate(file)
  } finally {
    rmSync(join(file, '..'), { recursive: true })
  }
}

describe.skipIf(noKubernetesTools)(`the manifests${noKubernetesTools}`, () => {
  test.each(overlays)('of %s have no field that Kubernetes 1.37 does not know', (overlay) => {
    const { status, output } = validateText(kustomize(join(manifests, 'overlays', overlay)))
    expect(status, output).toBe(0)
  })

  test('with every option have none either', () => {
    const own = parseAllDocuments(withAllComponents()).filter(
      (document) => !foreign.includes(String(document.get('kind'))),
    )
    const { status, output } = validateText(own.map(String).join('---\n'))
    expect(status, output).toBe(0)
  })

  test('with a wrong field would be refused', () => {
    const text = kustomize(join(manifests, 'overlays/cluster'))
    const { status, output } = validateText(text.replace('readinessProbe:', 'readynessProbe:'))
    expect(output).toContain('readynessProbe')
    expect(status).not.toBe(0)
  })

  test.each(overlays)('of %s set only variables that Herald reads', (overlay) => {
    const known = readFileSync(join(root, '.env.example'), 'utf8')
    const text = kustomize(join(manifests, 'overlays', overlay))
    for (const name of new Set(text.match(/\bHERALD_[A-Z0-9_]+/g))) {
      expect(known, name).toMatch(new RegExp(`^#?${name}=`, 'm'))
    }
  })

  test.each(overlays)('of %s limit, probe and protect every container', (overlay) => {
    const all = parsed(kustomize(join(manifests, 'overlays', overlay)))
    const budgets = all.filter(({ kind }) => kind === 'PodDisruptionBudget')
    for (const { metadata, spec } of workloads(overlay)) {
      const pod = spec.template.spec
      expect(budgets.map((each) => each.metadata.name)).toContain(metadata.name)
      expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
      for (const container of pod.containers) {
        expect(container, metadata.name).toMatchObject({
          livenessProbe: { httpGet: { path: '/livez' } },
          readinessProbe: { httpGet: { path: '/readyz' } },
          startupProbe: expect.anything(),
          resources: {
            requests: { cpu: expect.anything(), memory: expect.anything() },
            limits: { cpu: expect.anything(), memory: expect.anything() },
          },
          securityContext: { readOnlyRootFilesystem: true },
        })
      }
    }
  })

  test('give each program at least the time to end that compose gives it', () => {
    const compose = parsed(readFileSync(join(root, 'docker-compose.yml'), 'utf8'))[0]
    for (const { metadata, spec } of workloads('cluster')) {
      const service = compose.services[metadata.name]
      const { terminationGracePeriodSeconds, containers } = spec.template.spec
      // The grace period begins with preStop.
      const beforeSeconds = containers[0].lifecycle?.preStop.sleep.seconds ?? 0
      expect(terminationGracePeriodSeconds - beforeSeconds).toBeGreaterThanOrEqual(
        Number.parseInt(service.stop_grace_period, 10),
      )
    }
  })

  test('give the converter a spool that it creates: the folder of a volume belongs to root', () => {
    for (const converter of overlays.flatMap(workloads).filter(isNamed('converter'))) {
      const [{ env, volumeMounts }] = converter.spec.template.spec.containers
      const { value } = env.find(isNamed('HERALD_SPOOL'))
      const folders = volumeMounts.map(({ mountPath }: Manifest) => mountPath)
      expect(folders).toContain(dirname(value))
    }
  })

  test('let the processes that LibreOffice leaves behind be waited for', () => {
    for (const converter of overlays.flatMap(workloads).filter(isNamed('converter'))) {
      expect(converter.spec.template.spec.shareProcessNamespace).toBe(true)
    }
  })

  test('let a converter have the memory of its children and of its folders in memory', () => {
    const units: Record<string, number> = { Mi: 2 ** 20, Gi: 2 ** 30, G: 1e9 }
    const toBytes = (text: string) =>
      Number.parseInt(text, 10) * (units[text.replace(/\d+/, '')] ?? 0)
    const example = readFileSync(join(root, '.env.example'), 'utf8')
    const childBytes = toBytes(/^HERALD_MEMORY=(.+)$/m.exec(example)?.[1] ?? '')
    expect(childBytes).toBeGreaterThan(0)
    const ownBytes = 200e6
    for (const { spec } of overlays.flatMap(workloads).filter(isNamed('converter'))) {
      const { containers, volumes } = spec.template.spec
      const [{ env, resources }] = containers
      const folders = volumes.map(({ emptyDir }: Manifest) => toBytes(emptyDir.sizeLimit))
      const workers = Number(env.find(isNamed('HERALD_WORKERS')).value)
      expect(toBytes(resources.limits.memory)).toBeGreaterThan(
        folders.reduce(
          (one: number, other: number) => one + other,
          workers * childBytes + ownBytes,
        ),
      )
    }
  })

  test('keep a converter until pages have looked its name up again', () => {
    const source = readFileSync(join(root, 'client/src/converter-pool.ts'), 'utf8')
    const lookupAfterMs = Number(/lookupAfterMs = ([\d_]+)/.exec(source)?.[1]?.replace('_', ''))
    // How long CoreDNS keeps an answer.
    const ttlSeconds = 5
    for (const converter of overlays.flatMap(workloads).filter(isNamed('converter'))) {
      const [{ lifecycle }] = converter.spec.template.spec.containers
      expect(lifecycle.preStop.sleep.seconds * 1000).toBeGreaterThanOrEqual(
        lookupAfterMs + ttlSeconds * 1000,
      )
    }
  })

  test('keep state in volumes with one machine, and in no pod with several', () => {
    const kinds = (overlay: string) =>
      Object.fromEntries(workloads(overlay).map(({ kind, metadata }) => [metadata.name, kind]))
    const [several, one] = ['Deployment', 'StatefulSet']
    expect(kinds('single')).toEqual({ converter: several, notifier: one, web: one })
    expect(kinds('cluster')).toEqual({ converter: several, notifier: several, web: several })
  })

  test('let the converter reach nothing', () => {
    const all = parsed(withAllComponents())
    const { labels } = all.find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'converter',
    ).spec.template.metadata
    const selects = ({ matchLabels = {}, matchExpressions = [] }: Manifest) =>
      Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
      matchExpressions.every(({ key, values }: Manifest) => values.includes(labels[key]))
    const policies = all.filter(
      ({ kind, spec }) => kind === 'NetworkPolicy' && selects(spec.podSelector),
    )
    expect(policies.map(({ metadata }) => metadata.name)).toEqual([
      'converter',
      'monitoring',
      'nothing',
    ])
    for (const { metadata, spec } of policies) expect(spec.egress ?? [], metadata.name).toEqual([])
  })

  test('let pods that are labelled as clients reach the converters', () => {
    const all = parsed(kustomize(join(manifests, 'overlays/cluster')))
    const policy = (name: string) =>
      all.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === name).spec
    const client = policy('converter-client')
    const converter = policy('converter')
    expect(converter.ingress[0].from).toContainEqual({ podSelector: client.podSelector })
    expect(client.egress[0]).toEqual({
      to: [{ podSelector: converter.podSelector }],
      ports: [{ port: 50051 }],
    })
  })

  test('use a seccomp profile without the conditions that containerd ignores', () => {
    // On Kubernetes containerd applies a rule with `includes` or `excludes` as if it had none.
    const { defaultAction, syscalls } = JSON.parse(
      readFileSync(join(root, 'deploy/seccomp.json'), 'utf8'),
    )
    const read = ['names', 'action', 'args', 'errnoRet', 'comment']
    expect(syscalls.flatMap(Object.keys).filter((key: string) => !read.includes(key))).toEqual([])
    expect(defaultAction).toBe('SCMP_ACT_ERRNO')
    const allowed = syscalls
      .filter(({ action }: Manifest) => action === 'SCMP_ACT_ALLOW')
      .flatMap(({ names }: Manifest) => names)
    for (const name of ['bpf', 'clone3', 'setns', 'perf_event_open', 'init_module', 'keyctl']) {
      expect(allowed).not.toContain(name)
    }
  })

  test('are scraped at a port that each service has', () => {
    const all = parsed(withAllComponents())
    const monitor = all.find(({ kind }) => kind === 'ServiceMonitor')
    for (const { metadata, spec } of all.filter(({ kind }) => kind === 'Service')) {
      expect(metadata.labels).toMatchObject(monitor.spec.selector.matchLabels)
      expect(spec.ports.map((port: Manifest) => port.name)).toContain(
        monitor.spec.endpoints[0].port,
      )
    }
  })
})

describe.skipIf(noApiServer)(`a Kubernetes API server${noApiServer}`, () => {
  let server: ApiServer
  beforeAll(async () => {
    server = await startApiServer()
    expect(server.kubectl(['apply', '--server-side', '--filename', kedaDefinitions]).status).toBe(0)
  })
  afterAll(() => server?.close())

  const apply = (text: string) =>
    server.kubectl(
      ['apply', '--server-side', '--force-conflicts', '--validate=strict', '--filename=-'],
      text,
    )

  test.each(overlays)('accepts %s without a warning', (overlay) => {
    const { status, output } = apply(kustomize(join(manifests, 'overlays', overlay)))
    expect(output).not.toMatch(/warning/i)
    expect(status, output).toBe(0)
  })

  test('accepts the options, but for the ServiceMonitor, whose definition is not there', () => {
    const all = parseAllDocuments(withAllComponents())
    const known = all.filter((document) => document.get('kind') !== 'ServiceMonitor')
    const { status, output } = apply(known.map(String).join('---\n'))
    expect(output).toContain('scaledobject.keda.sh/notifier')
    expect(output).not.toMatch(/warning/i)
    expect(status, output).toBe(0)
  })

  test('refuses a field that is wrong', () => {
    const text = kustomize(join(manifests, 'overlays/cluster'))
    const { status, output } = apply(text.replace('maxUnavailable: 1', 'maxUnavailabel: 1'))
    expect(output).toContain('.spec.maxUnavailabel: field not declared')
    expect(status).not.toBe(0)
  })

  test('admits the pods under Pod Security `restricted`, the sandboxed converter as well', () => {
    const sandboxed = parsed(withAllComponents()).filter(isWorkload)
    for (const { metadata, spec } of [...workloads('single'), ...sandboxed]) {
      const claims = (spec.volumeClaimTemplates ?? []).map((claim: Manifest) => ({
        name: claim.metadata.name,
        emptyDir: {},
      }))
      const { spec: pod, metadata: labelled } = structuredClone(spec.template)
      pod.volumes = [...(pod.volumes ?? []), ...claims]
      const text = JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...labelled, name: metadata.name, namespace: 'herald' },
        spec: pod,
      })
      const dryRun = ['create', '--dry-run=server', '--validate=strict', '--filename=-']
      const { status, output } = server.kubectl(dryRun, text)
      expect(status, output).toBe(0)
      expect(output).not.toMatch(/warning/i)
      const rights = text.replaceAll(
        '"allowPrivilegeEscalation":false',
        '"allowPrivilegeEscalation":true',
      )
      expect(server.kubectl(dryRun, rights).output).toContain('violates PodSecurity "restricted')
    }
  })
})
