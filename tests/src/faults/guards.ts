/** One change of a compiled file, as it is loaded. */
export interface Patch {
  /** The end of the file's URL. */
  readonly file: string
  readonly find: RegExp
  readonly replace: string
}

/** A little later, so that a kill can fall in between. */
const stretched: Patch = {
  file: 'broker/dist/src/outbox-on-store.js',
  find: /const removed = removeTemporary\(record\.files\);/,
  replace: `await new Promise((resolve) => setTimeout(resolve, 300));
        const kept = globalThis.keptByHerald?.get(id);
        if (kept) await records.add(id, kept.record, kept.messages);
        const removed = removeTemporary(record.files);`,
}

/** How each guard is turned off in a running program; nothing of it is in the program itself. */
export const guards = {
  /** None turned off. */
  'none, stretched': [stretched],
  /** Every event looks new. */
  ledger: [
    {
      file: 'notifier-service/dist/src/ledger/mail-rows.js',
      find: /function find\(key\) \{/,
      replace: 'function find(key) { return undefined;',
    },
  ],
  /** The events of a digest that went look new. */
  "a digest's events": [
    {
      file: 'notifier-service/dist/src/ledger/mail-rows.js',
      find: /members\.get\(key\)\?\.digest/,
      replace: 'undefined',
    },
  ],
  /** An acknowledgement commits everything before it, done or not. */
  'contiguous commit': [
    {
      file: 'broker/dist/src/lanes.js',
      find: /while \(this\.#window\.peek\(\)\?\.done\)/,
      replace: 'while (this.#window.peek()?.offset <= entry.offset)',
    },
  ],
  /** Commits also what it held before and somebody else holds now. */
  'assignment check': [
    {
      file: 'broker/dist/src/drivers/kafka/partitions.js',
      find: /held\.lanes\.revoke\(\);\s+this\.#held\.delete\(partition\);/,
      replace: 'held.lanes.revoke(); held.gone = true;',
    },
    {
      file: 'broker/dist/src/drivers/kafka/partitions.js',
      find: /if \(offset !== undefined && offset !== held\.committed\)/,
      replace: 'if (offset !== undefined && (held.gone || offset !== held.committed))',
    },
  ],
  /** The announcement is kept only after the file has its name. */
  'prepared record': [
    stretched,
    {
      file: 'broker/dist/src/outbox-on-store.js',
      find: /await records\.add\(id, record, messages\);/,
      replace: `if (state === 'ready') await records.add(id, record, messages);
            else (globalThis.keptByHerald ??= new Map()).set(id, { record, messages });`,
    },
    {
      file: 'broker/dist/src/outbox-on-store.js',
      find: /const record = records\.entries\.get\(id\);\s+(?=if \(record\?\.state !== 'prepared'\))/,
      replace: 'const record = globalThis.keptByHerald.get(id)?.record; ',
    },
  ],
  /** Several relays publish at once, and none notices that another one took its lease. */
  "the relay's lease": [
    {
      file: 'broker/dist/src/relay-leases.js',
      find: /const isFree = \(lease\) =>/,
      replace: 'const isFree = (lease) => true ||',
    },
    {
      file: 'broker/dist/src/relay-leases.js',
      find: /leases\.get\(brokerKey\)\?\.epoch !== epoch/,
      replace: 'false',
    },
    {
      file: 'broker/dist/src/relay-leases.js',
      find: /lease\?\.epoch !== epoch/,
      replace: 'false',
    },
  ],
} as const satisfies Record<string, readonly Patch[]>

export type Guard = keyof typeof guards

/** What Node is told to run a program without that guard. */
export function without(guard: Guard): string[] {
  const program = new URL('./turn-off.js', import.meta.url)
  program.search = `?guard=${encodeURIComponent(guard)}`
  return [`--import=${program.href}`]
}
