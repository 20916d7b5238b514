import { type Mail, readMail } from './mail.js'

export type { Mail, MailAddress, MailAttachment } from './mail.js'

/** Reads a development inbox over HTTP, MailDev's and MailHog's alike. */
export interface InboxClient {
  /** Which program the inbox is. */
  readonly server: 'maildev' | 'mailhog'
  /** Every mail kept, in the order of arrival. */
  list(): Promise<Mail[]>
  /**
   * Resolves to the first mail in the order of arrival for which `predicate` holds, waiting for it
   * to arrive. Rejects after `timeoutMs`, naming the mails that were there.
   */
  waitFor(predicate: (mail: Mail) => boolean, timeoutMs?: number): Promise<Mail>
  /** Deletes every mail. */
  clear(): Promise<void>
}

/** An inbox that does not answer, or is neither MailDev nor MailHog. */
export class InboxError extends Error {
  override readonly name = 'InboxError'
}

/** What differs between the inboxes. */
interface InboxApi {
  readonly server: InboxClient['server']
  entries(): Promise<ListedMail[]>
  clear(): Promise<void>
}

/** A mail in the inbox's list, not yet fetched. */
interface ListedMail {
  readonly id: string
  readonly recipients: readonly string[]
  bytes(): Promise<Uint8Array>
}

/** Opens the inbox at `webUrl` (`http://127.0.0.1:8025`), MailDev or MailHog. Rejects with InboxError. */
export async function openInboxClient(webUrl: string): Promise<InboxClient> {
  const base = webUrl.replace(/\/+$/, '')
  const api = (await mailHogApi(base)) ?? (await mailDevApi(base))
  if (api === undefined) {
    throw new InboxError(`${base} is neither MailDev nor MailHog. Give the address of a web inbox.`)
  }
  // A mail never changes, so each is fetched and parsed once.
  let read = new Map<string, Mail>()

  const list = async () => {
    const kept = new Map<string, Mail>()
    for (const entry of await api.entries()) {
      kept.set(
        entry.id,
        read.get(entry.id) ?? (await readMail(entry.id, entry.recipients, await entry.bytes())),
      )
    }
    read = kept
    return [...kept.values()]
  }

  return {
    server: api.server,
    list,
    async waitFor(predicate, timeoutMs = 10_000) {
      const giveUpAt = Date.now() + timeoutMs
      for (;;) {
        const mails = await list()
        const found = mails.find(predicate)
        if (found) return found
        if (Date.now() >= giveUpAt) throw new InboxError(describeMissing(mails, timeoutMs))
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    clear: () => api.clear(),
  }
}

function describeMissing(mails: readonly Mail[], timeoutMs: number): string {
  const others = mails.slice(-10).map((mail) => `  ${mail.recipients.join(', ')}: ${mail.subject}`)
  return [
    `No such mail within ${timeoutMs} ms. The inbox holds ${mails.length}${others.length > 0 ? ':' : '.'}`,
    ...others,
  ].join('\n')
}

/** https://github.com/mailhog/MailHog/blob/master/docs/APIv2.md */
async function mailHogApi(base: string): Promise<InboxApi | undefined> {
  interface Page {
    total: number
    items: { ID: string; Raw: { To: string[]; Data: string } }[]
  }
  const page = (start: number) => json<Page>(`${base}/api/v2/messages?start=${start}&limit=250`)
  if (typeof (await page(0))?.total !== 'number') return undefined
  return {
    server: 'mailhog',
    async entries() {
      const newestFirst = new Map<string, ListedMail>()
      for (let start = 0, total = 1; start < total; start += 250) {
        const found = await page(start)
        total = found?.total ?? 0
        for (const { ID: id, Raw: raw } of found?.items ?? []) {
          newestFirst.set(id, {
            id,
            recipients: raw.To,
            bytes: async () => Buffer.from(raw.Data, 'utf8'),
          })
        }
      }
      return [...newestFirst.values()].reverse()
    },
    clear: () => remove(`${base}/api/v1/messages`),
  }
}

/** MailDev 2: `/email` lists, `/email/:id/source` is the raw mail. */
async function mailDevApi(base: string): Promise<InboxApi | undefined> {
  type MailDevList = { id: string; envelope: { to: { address: string }[] } }[]
  const config = await json<{ smtpPort?: number }>(`${base}/config`)
  if (config?.smtpPort === undefined) return undefined
  return {
    server: 'maildev',
    async entries() {
      const listed = (await json<MailDevList>(`${base}/email`)) ?? []
      return listed.map(({ id, envelope }) => ({
        id,
        recipients: envelope.to.map(({ address }) => address),
        bytes: async () => {
          const response = await request(`${base}/email/${encodeURIComponent(id)}/source`)
          return new Uint8Array(await response.arrayBuffer())
        },
      }))
    },
    clear: () => remove(`${base}/email/all`),
  }
}

async function request(url: string, method = 'GET'): Promise<Response> {
  try {
    return await fetch(url, { method })
  } catch (error) {
    throw new InboxError(`The inbox at ${new URL(url).origin} does not answer. Is it running?`, {
      cause: error,
    })
  }
}

async function remove(url: string): Promise<void> {
  const response = await request(url, 'DELETE')
  if (!response.ok) throw new InboxError(`${url} answered ${response.status} to DELETE.`)
}

/** Undefined if the response is not JSON, as from another kind of inbox. */
async function json<T>(url: string): Promise<T | undefined> {
  const response = await request(url)
  if (!response.ok) return undefined
  try {
    return (await response.json()) as T
  } catch {
    return undefined
  }
}
