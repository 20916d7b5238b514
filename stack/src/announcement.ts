import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withoutUrlSecrets } from '@herald/runtime'
import { dataFolder, defaultBroker } from '@herald/runtime/data-folder'
import type { Terminal } from '@herald/runtime/terminal'
import { humanDuration } from '@herald/runtime/terminal-text'
import type { StackAddresses } from './stack.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const sample = 'stack/sample/herald-at-dusk.jpg'

type Row = readonly [name: string, where: string, about: string]

/** The client's own defaults. */
const defaults = (env: NodeJS.ProcessEnv) => ({
  HERALD_CONVERTER: 'localhost:50051',
  HERALD_BROKER: defaultBroker({ ...env, HERALD_DATA: undefined }),
  HERALD_TOPIC: 'notifications',
  HERALD_DATA: dataFolder({ ...env, HERALD_DATA: undefined }),
})

/** The text of `npm start` when everything is ready: the addresses, and a command to try. */
export function describeStack(
  { web, converter, broker, topic, smtp, inbox, notifier, webhook, data }: StackAddresses,
  {
    env,
    readyAfterMs,
    paint,
  }: { env: NodeJS.ProcessEnv; readyAfterMs: number; paint: Terminal['paint'] },
): string[] {
  const addresses = {
    HERALD_CONVERTER: converter,
    HERALD_BROKER: broker,
    HERALD_TOPIC: topic,
    HERALD_DATA: data,
  }
  const found: Readonly<Record<string, string>> = defaults(env)
  const variables = Object.entries(addresses)
    .filter(([name, value]) => value !== found[name])
    .map(([name, value]) => `${name}=${shellWord(withoutUrlSecrets(value))} `)
  // In a clone, npx finds the command there only; results do not belong in an installed package.
  const installed = root.includes('/node_modules/')
  const command =
    `${installed ? '' : `cd ${shellWord(root)} && `}${variables.join('')}npx herald convert ` +
    (installed ? `${shellWord(root + sample)} --out .` : sample) +
    ' --to webp --notify you@example.com'
  const rows: readonly Row[] = [
    ...(web ? [['Web page', named(web), 'drop a file here'] satisfies Row] : []),
    ['Converter', converter, 'gRPC, with health and reflection'],
    ...(inbox ? [['Inbox', named(inbox), 'read the mail here'] satisfies Row] : []),
    [
      'SMTP',
      withoutUrlSecrets(named(smtp)),
      inbox ? 'the inbox receives mail here' : 'mail is sent to this server',
    ],
    ['Broker', withoutUrlSecrets(broker).replace(/(?<=^embedded:).*/, near), `topic ${topic}`],
    ['Notifier', named(notifier), '/readyz, /metrics, /deliveries/{event id}'],
    ...(webhook
      ? [['Webhook', named(webhook), '/readyz, /metrics, /deliveries/{event id}'] satisfies Row]
      : []),
    ['Data', near(data), ''],
  ]
  const width = Math.max(...rows.map(([, where]) => where.length))
  return [
    '',
    `  ${paint('bold', 'Herald is running')}, ready after ${humanDuration(readyAfterMs)}.`,
    '',
    ...rows.map(([name, where, about]) =>
      `  ${name.padEnd(10)} ${paint('cyan', where.padEnd(width))}  ${paint('dim', about)}`.trimEnd(),
    ),
    '',
    '  Try it in another terminal:',
    `    ${paint('bold', command)}`,
    '',
    `  ${paint('dim', 'Ctrl-C stops everything.')}`,
    '',
  ]
}

/** The two addresses that people open, shown below the log. */
export function pinnedAddresses(
  { web, inbox }: Pick<StackAddresses, 'web' | 'inbox'>,
  paint: Terminal['paint'],
): string[] {
  const parts = [
    ...(web ? [`Web page ${paint('cyan', named(web))}`] : []),
    ...(inbox ? [`Inbox ${paint('cyan', named(inbox))}`] : []),
    paint('dim', 'Ctrl-C stops'),
  ]
  return [parts.join('   ')]
}

/** Quoted if needed, so that a POSIX shell reads one word. */
const shellWord = (text: string) =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

/** 127.0.0.1 as `localhost`. */
const named = (url: string) => url.replace('//127.0.0.1:', '//localhost:')

/** The path relative to the working folder, if it is below it. */
function near(path: string): string {
  const below = relative(process.cwd(), path)
  return below === '' || below.startsWith('..') ? path : `./${below}`
}
