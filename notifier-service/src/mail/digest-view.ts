import type { ReceivedConversionFailed, ReceivedFileConverted } from '@herald/proto/events'
import { changeOf, factsLine, id, nameOf, savingView, sourceOf } from './converted-view.js'
import { type Failure, failedName, whatFailed } from './failed-view.js'
import type { PictureView } from './pictures.js'
import { detailsOf, formatName, type MailView, type View, type Wording } from './view.js'
import { visible, webLink } from './visible-text.js'

/** At most so many rows; failures come first, but leave some for the others. */
const maxRows = 30
const maxFailures = 20

/** What `digest.html` and `digest.txt` can use about several files of one person. */
export function digestView(
  converted: readonly ReceivedFileConverted[],
  failed: readonly ReceivedConversionFailed[],
  wording: Wording,
  pictures: readonly PictureView[],
): MailView {
  const { phrases, quantities } = wording
  const before = sum(converted.map((event) => sourceOf(event).sizeBytes))
  const after = sum(converted.map(sizeAfter))
  const comparable = converted.every(
    ({ source, renditions: [only, ...others] }) =>
      only && others.length === 0 && only.pages >= (source?.pages ?? 0),
  )
  const change = comparable ? quantities.change(before, after) : undefined
  const failures = failed.slice(0, Math.max(maxFailures, maxRows - converted.length))
  const files = converted.slice(0, maxRows - Math.min(maxRows, failures.length))
  const what = summary(converted.length, failed.length, wording)
  const sizes = { before: quantities.size(before), after: quantities.size(after) }
  const runs = new Set([...converted, ...failed].map(({ runId }) => runId))
  const first = converted[0] ?? failed[0]
  return {
    subject: change
      ? phrases.text('digestSubject', { what, ...sizes, percent: change.percent })
      : what,
    preheader: converted.length > 0 ? `${sizes.before} → ${sizes.after}` : '',
    heading: what,
    pictures,
    anyConverted: converted.length > 0,
    anyFailed: failed.length > 0,
    before: { size: sizes.before, facts: phrases.count('files', converted.length) },
    after: {
      size: sizes.after,
      facts: phrases.count('files', sum(converted.map(({ renditions }) => renditions.length))),
    },
    saving: savingView(change),
    failures: failureGroups(failures, wording),
    moreFailures: moreThan(failures.length, failed.length, wording),
    files: files.map((event) => rowOf(event, wording)),
    moreFiles: moreThan(files.length, converted.length, wording),
    details: detailsOf([
      [phrases.text('readyAt'), quantities.moment(latest(converted))],
      [phrases.text('took'), tookIn(converted, wording)],
      [phrases.text('machine'), hostOf(converted)],
      [phrases.text('folder'), commonFolder(converted), 'code'],
      [phrases.text('run'), runs.size === 1 ? id(first?.runId ?? '') : '', 'code'],
    ]),
  }
}

/** `10 files are ready, 2 files could not be converted`. */
function summary(ready: number, failed: number, { phrases }: Wording): string {
  if (failed === 0) return phrases.count('digestReady', ready)
  if (ready === 0) return phrases.count('digestFailed', failed)
  return phrases.text('digestBoth', {
    ready: phrases.count('digestReady', ready),
    failed: phrases.count('digestFailed', failed),
  })
}

/** Groups files that failed for one reason: they have one remedy. */
function failureGroups(failed: readonly ReceivedConversionFailed[], wording: Wording): View[] {
  const groups = new Map<string, { failure: Failure; files: View[] }>()
  for (const event of failed) {
    const failure = whatFailed(event, wording)
    const key = JSON.stringify([failure.wrong, failure.remedy])
    const group = groups.get(key) ?? { failure, files: [] }
    groups.set(key, group)
    group.files.push({ name: failedName(event, wording), page: webLink(event.pageUrl) })
  }
  return [...groups.values()].map(({ failure, files }) => ({ ...failure, files }))
}

function rowOf(event: ReceivedFileConverted, wording: Wording): View {
  const { quantities } = wording
  const { sizeBytes } = sourceOf(event)
  const [only, ...others] = event.renditions
  const alone = only && others.length === 0
  const formats = new Set(event.renditions.map(({ mediaType }) => formatName(mediaType)))
  return {
    name: nameOf(event, wording),
    page: webLink(event.pageUrl) || (alone && only.location === 'url' ? webLink(only.url) : ''),
    before: quantities.size(sizeBytes),
    after: quantities.size(sizeAfter(event)),
    facts: factsLine([
      [...formats].slice(0, 6).join(', '),
      ...(alone
        ? quantities.extent(only)
        : [wording.phrases.count('files', event.renditions.length)]),
    ]),
    saving: alone ? savingView(changeOf(event, only, quantities)) : null,
  }
}

function moreThan(shown: number, all: number, { phrases }: Wording): string {
  return all > shown ? phrases.count('moreFiles', all - shown) : ''
}

function tookIn(converted: readonly ReceivedFileConverted[], { quantities }: Wording): string {
  if (converted.length === 0) return ''
  return quantities.duration(sum(converted.map(({ conversionMs }) => conversionMs)))
}

function latest(converted: readonly ReceivedFileConverted[]): number {
  return converted.reduce((last, { finishedAtUnixMs }) => Math.max(last, finishedAtUnixMs), 0)
}

/** The machine that the paths are of; empty if there are several. */
function hostOf(converted: readonly ReceivedFileConverted[]): string {
  const hosts = new Set(converted.map(({ host }) => host))
  return hosts.size === 1 ? visible(converted[0]?.host ?? '', 100) : ''
}

/** The folder that contains all results; empty if there is none. */
function commonFolder(converted: readonly ReceivedFileConverted[]): string {
  const folders = converted.flatMap(({ renditions }) =>
    renditions.map(({ location, path }) =>
      location === 'path' ? (path ?? '').split(/[/\\\\]/).slice(0, -1) : [],
    ),
  )
  const [first = []] = folders
  const differs = first.findIndex((name, at) => folders.some((folder) => folder[at] !== name))
  const shared = (differs === -1 ? first : first.slice(0, differs)).join('/')
  const [sample = ''] = converted.flatMap(({ renditions }) => renditions[0]?.path ?? '')
  return visible(sample.slice(0, shared.length), 1000)
}

const sizeAfter = ({ renditions }: ReceivedFileConverted) =>
  sum(renditions.map(({ sizeBytes }) => sizeBytes))

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
