import { compose } from './compose.js'

export interface Delivery {
  readonly state: string
  readonly messageId: string
}

/** The deliveries of the events in the notifier's ledger. */
export async function deliveriesOf(events: readonly string[]): Promise<Delivery[]> {
  const script = `
    const deliveriesOf = (id) => fetch('http://127.0.0.1:9102/deliveries/' + id).then((r) => r.json())
    Promise.all(process.argv.slice(1).map(deliveriesOf))
      .then((all) => console.log(JSON.stringify(all.flatMap(({ deliveries }) => deliveries ?? []))))`
  const inside = ['exec', '--no-TTY', 'notifier', 'node', '--eval', script]
  const { stdout } = await compose([...inside, ...events])
  return JSON.parse(stdout || '[]')
}

/** How many mails to that address are in the inbox. */
export async function mailsTo(address: string): Promise<number> {
  const found = await fetch(`http://localhost:8025/api/v2/search?kind=to&query=${address}`)
  return ((await found.json()) as { total: number }).total
}
