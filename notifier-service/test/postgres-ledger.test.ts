import { describeOnPostgres, usePostgres } from '@herald/postgres/use-postgres'
import { silentLogger } from '@herald/runtime'
import { parsePostgresUrl } from '@herald/runtime/postgres'
import type { DigestRule } from '#src/ledger/lanes'
import type { Ledger } from '#src/ledger/ledger'
import { openPostgresLedger } from '#src/ledger/postgres/postgres-ledger'
import { type Holder, ledgerSuite } from './ledger-suite.js'

describeOnPostgres('on PostgreSQL', () => {
  const postgres = usePostgres()

  function open(
    schema: string,
    holder: string,
    digests: DigestRule,
    options: { leaseMs?: number; now?: () => number } = {},
  ): Promise<Ledger> {
    const target = parsePostgresUrl(postgres.server.url, { schema })
    if (target === undefined) throw new Error('not a URL')
    const times = { leaseMs: 10_000, maxReplyMs: 1000, ...options }
    return openPostgresLedger({ target, logger: silentLogger, holder, digests, ...times })
  }

  /** As `ledger`, but after each call its lease has run out, and the reply cannot come any more. */
  function gone(ledger: Ledger, schema: string): Ledger {
    const end = () =>
      postgres.server.query(
        `delete from ${schema}.holder where name like 'gone/%'; update ${schema}.mail set attempt_until = now() where holder like 'gone/%' and attempt_until is not null`,
      )
    const ending = <T extends object>(of: T): T =>
      new Proxy(of, {
        get(target, name) {
          const value = Reflect.get(target, name)
          if (name === 'lanes') return ending(value as object)
          if (typeof value !== 'function' || name === 'now') return value
          return async (...args: unknown[]) => {
            const result = await value.apply(target, args)
            if (name !== 'close') await end()
            return result
          }
        },
      })
    return ending(ledger)
  }

  ledgerSuite('the ledger in PostgreSQL', async () => {
    const schema = postgres.newSchema()
    return {
      async open(holder: Holder, digests) {
        // Tests of time set Date.
        const ledger = await open(schema, holder, digests, { now: Date.now })
        return holder === 'gone' ? gone(ledger, schema) : ledger
      },
      remove: async () => void (await postgres.server.query(`drop schema ${schema} cascade`)),
    }
  })
})
