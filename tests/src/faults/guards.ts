/** One change of a compiled file, as it is loaded. */
export interface Patch {
  /** The end of the file's URL. */
  readonly file: string
  readonly find: RegExp
  readonly replace: string
}

/** Delays the removal of the temporary files, so that a kill can happen before it. */
const delayed: Patch = {
  file: 'broker/dist/src/outbox/outbox.js',
  find: /const removed = removeTemporary\(entry\.files\);/,
  replace: `await new Promise((resolve) => setTimeout(resolve, 300));
        const kept = globalThis.keptByHerald?.get(id);
        if (kept) await this.store.add(kept.entry, kept.messages);
        const removed = removeTemporary(entry.files);`,
}

/** The end of a notifier's `begin`: a delay before the lease is checked, so that it can be suspended there. */
const lateCheck = (check: string): Patch => ({
  file: 'notifier-service/dist/src/ledger/postgres/postgres-ledger.js',
  find: /await mails\.begin\(event, mail\);\s+[^;]*return \(\) => performance\.now\(\) - sentAt < leaseMs && [^;]*;/,
  replace: `await mails.begin(event, mail);
        await new Promise((resolve) => setTimeout(resolve, 500));
        return () => ${check};`,
})

/** How each guard is turned off in a running program. The program itself has no code for this. */
export const guards = {
  /** None turned off. */
  'none, delayed': [delayed],
  /** None turned off, with a delay before each body. */
  'none, late check': [lateCheck('performance.now() - sentAt < leaseMs')],
  /** A body is sent however long ago its attempt began. */
  "the ledger's lease": [lateCheck('true')],
  /** Every event is new to the ledger. */
  ledger: [
    {
      file: 'notifier-service/dist/src/ledger/lmdb-mails.js',
      find: /function find\(key\) \{/,
      replace: 'function find(key) { return undefined;',
    },
  ],
  /** The events of a sent digest are new to the ledger. */
  "a digest's events": [
    {
      file: 'notifier-service/dist/src/ledger/lmdb-mails.js',
      find: /members\.get\(key\)\?\.digest/,
      replace: 'undefined',
    },
  ],
  /** An acknowledgement commits everything before it, acknowledged or not. */
  'contiguous commit': [
    {
      file: 'broker/dist/src/offset-window.js',
      find: /while \(this\.#entries\.peek\(\)\?\.acknowledged\)/,
      replace: 'while (this.#entries.peek()?.offset <= entry.offset)',
    },
  ],
  /** Commits also partitions that another member holds now. */
  'assignment check': [
    {
      file: 'broker/dist/src/drivers/kafka/partitions.js',
      find: /held\.revoke\(\);\s+this\.#held\.delete\(partition\);/,
      replace: 'held.revoke(); held.gone = true;',
    },
    {
      file: 'broker/dist/src/drivers/kafka/held-partition.js',
      find: /return offset === this\.#committed \?/,
      replace: 'return offset === this.#committed && !this.gone ?',
    },
  ],
  /** The announcement is kept only after the file has its name. */
  'prepared record': [
    delayed,
    {
      file: 'broker/dist/src/outbox/outbox.js',
      find: /await this\.store\.add\(entry, messages\);/,
      replace: `if (entry.state.kind === 'ready') await this.store.add(entry, messages);
            else (globalThis.keptByHerald ??= new Map()).set(entry.id, { entry, messages });`,
    },
    {
      file: 'broker/dist/src/outbox/outbox.js',
      find: /const entry = this\.store\.get\(id\);\s+(?=if \(entry === undefined\)\s+throw)/,
      replace: 'const entry = globalThis.keptByHerald.get(id)?.entry; ',
    },
  ],
  /** Several relays publish at once, and none notices that another one took its lease. */
  "the relay's lease": [
    {
      file: 'broker/dist/src/outbox/relay-lease.js',
      find: /const isFree = \(row\) =>/,
      replace: 'const isFree = (row) => true ||',
    },
    {
      file: 'broker/dist/src/outbox/relay-lease.js',
      find: /this\.#table\.get\(this\.#brokerKey\)\?\.epoch !== this\.#epoch/,
      replace: 'false',
    },
    {
      file: 'broker/dist/src/outbox/relay-lease.js',
      find: /row\?\.epoch !== this\.#epoch/,
      replace: 'false',
    },
  ],
} as const satisfies Record<string, readonly Patch[]>

export type Guard = keyof typeof guards

/** Arguments of Node that run a program without that guard. */
export function without(guard: Guard): string[] {
  const program = new URL('./turn-off.js', import.meta.url)
  program.search = `?guard=${encodeURIComponent(guard)}`
  return [`--import=${program.href}`]
}
