import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convert, inPod, kubectl, podOf, reachedFrom, runProbe, watchEnds } from './cluster.js'
import { type Servers, startServers } from './servers.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const picture = join(root, 'stack/sample/herald-at-dusk.jpg')
const document = join(root, 'converter-service/test/fixtures/two-halves.docx')
const programs = ['converter', 'notifier', 'web']
const accepted = 202

let servers: Servers
beforeAll(async () => {
  servers = await startServers()
})
afterAll(() => servers?.close())

const recipients = async (prefix: string) =>
  (await servers.inbox.list())
    .flatMap((mail) => mail.recipients)
    .filter((address) => address.startsWith(`${prefix}-`))
    .sort()

describe.each(['single', 'cluster'])('the overlay %s', (overlay) => {
  let service: string
  const name = (text: string) => `${overlay}-${text}`

  /** Sends pictures, several a second, while something else happens; resolves to their statuses. */
  async function convertDuring(prefix: string, count: number, happens: () => Promise<unknown>) {
    const sent: Promise<number>[] = []
    const happening = delay(2000).then(happens)
    for (let index = 0; index < count; index += 1) {
      const notify = `${prefix}-${index}@example.com`
      sent.push(convert(service, { file: picture, to: 'webp', notify }))
      await delay(500)
    }
    await happening
    const statuses = await Promise.all(sent)
    const expected = statuses
      .flatMap((status, index) => (status === accepted ? [`${prefix}-${index}@example.com`] : []))
      .sort()
    // Each of them once.
    await expect.poll(() => recipients(prefix)).toEqual(expected)
    return statuses
  }

  const rolledOut = async () => {
    const { items } = JSON.parse(await kubectl('get', 'deployments,statefulsets', '-o', 'json'))
    for (const { kind, metadata } of items) {
      await kubectl('rollout', 'status', `${kind}/${metadata.name}`, '--timeout=180s')
    }
  }

  beforeAll(async () => {
    await kubectl('create', 'namespace', 'herald')
    for (const [secret, literals] of Object.entries(servers.secrets)) {
      const all = Object.entries(literals)
        // Only the overlay `cluster` has PostgreSQL and S3.
        .filter(([key]) => overlay === 'cluster' || /BROKER|SMTP/.test(key))
        .map(([key, value]) => `--from-literal=${key}=${value}`)
      await kubectl('create', 'secret', 'generic', secret, ...all)
    }
    const manifests = join(root, 'tests/kubernetes/overlays', overlay)
    await kubectl('apply', '--server-side', '--kustomize', manifests)
    service = await kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')
  })
  afterAll(() => kubectl('delete', 'namespace', 'herald'))

  test('becomes ready, and no container is restarted meanwhile', async () => {
    await rolledOut()
    const { items } = JSON.parse(await kubectl('get', 'pods', '-o', 'json'))
    for (const { metadata, status } of items) {
      expect(status.containerStatuses, metadata.name).toMatchObject([
        { ready: true, restartCount: 0 },
      ])
    }
  })

  test('converts a picture and mails the recipient', async () => {
    expect(await convertDuring(name('first'), 1, async () => {})).toEqual([accepted])
  })

  test('waits for the processes that a document leaves behind', async () => {
    const notify = `${name('document')}-0@example.com`
    expect(await convert(service, { file: document, to: 'pdf', notify })).toBe(accepted)
    await expect.poll(() => recipients(name('document'))).toEqual([notify])
    const zombies = "grep -l '^State:.Z' /proc/[0-9]*/status || true"
    await expect.poll(() => inPod('converter', 'sh', '-c', zombies)).toBe('')
  })

  test('is restarted while files are converted: no mail is lost, each pod ends with status 0', async () => {
    const watched = watchEnds()
    const statuses = await convertDuring(name('restart'), 60, async () => {
      for (const kind of ['deployments', 'statefulsets']) await kubectl('rollout', 'restart', kind)
      await rolledOut()
    })
    if (overlay === 'cluster') expect(statuses).toEqual(statuses.map(() => accepted))
    await expect
      .poll(() => programs.filter((each) => [...watched.ends].some((end) => end.startsWith(each))))
      .toEqual(programs)
    watched.close()
    expect([...watched.ends].filter((end) => !end.endsWith(': 0'))).toEqual([])
  })

  test.each(programs)(
    'loses no mail if %s is deleted by force while files are converted',
    async (each) => {
      await convertDuring(name(`kill-${each}`), 30, async () => {
        const now = ['--grace-period=0', '--force']
        await kubectl('delete', 'pod', ...now, `--selector=app.kubernetes.io/name=${each}`)
      })
      await rolledOut()
    },
  )

  test('keeps no upload of a converter that was killed', async () => {
    // The pattern does not match the command line of the shell.
    const kill = "kill -9 $(grep -l 'src/[m]ain.js' /proc/[0-9]*/cmdline | cut -d / -f 3)"
    await convertDuring(name('crash'), 20, () =>
      inPod('converter', 'sh', '-c', kill).catch(() => {}),
    )
    await rolledOut()
    expect((await podOf('converter')).restarts).toBe(1)
    const spools = await inPod('converter', 'ls', '/spool/herald')
    expect(spools.split('\n')).toHaveLength(1)
  })

  test.runIf(overlay === 'cluster')('confines the converter with the seccomp profile', async () => {
    const log = await kubectl('logs', '--selector=app.kubernetes.io/name=converter', '--tail=-1')
    expect(log).toContain('"child processes are confined"')
    const status = await inPod('converter', 'sh', '-c', 'grep -h ^Seccomp: /proc/*/status')
    expect(status).toContain('Seccomp:\t2')
  })

  test.runIf(overlay === 'cluster')('allows the connections of its policies only', async () => {
    const [converter, notifier, web] = await Promise.all(programs.map(podOf))
    const outside = (port: number) => `10.200.0.1 ${port}`
    const [kafka, smtp, postgres, s3, kubelet] = [9092, 25, 5432, 443, 10250].map(outside)
    const names = '10.96.0.10 53'
    const grpc = `${converter?.address} 50051`
    const page = `${web?.address} 8080`
    const probes = [`${converter?.address} 9101`, `${notifier?.address} 9102`]
    const all = [kafka, smtp, postgres, s3, kubelet, names, grpc, page, ...probes, '10.96.0.1 443']
    const places = all.filter((place) => place !== undefined)
    const others = (address = '') => places.filter((place) => !place.startsWith(`${address} `))
    const from = (pod: typeof web, ...options: string[]) =>
      reachedFrom([pod?.name ?? '', ...options], others(pod?.address))
    expect(await from(converter)).toEqual([])
    expect(await from(web)).toEqual([kafka, postgres, s3, names, grpc])
    expect(await from(notifier)).toEqual([kafka, smtp, postgres, names])
    expect(
      await reachedFrom([await runProbe('--labels=herald-converter-client=true')], places),
    ).toEqual([names, grpc])
    const elsewhere = [await runProbe('--namespace=default'), '--namespace=default']
    expect(await reachedFrom(elsewhere, [grpc, page, ...probes])).toEqual([])
    await kubectl('label', 'namespace', 'default', 'herald-ingress=true')
    await expect.poll(() => reachedFrom(elsewhere, [grpc, page, ...probes])).toEqual([page])
  })
})
