// Tries what a child has no business to do, and writes down into its own folder how that went.
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'

const tried: Record<string, string> = {}
const attempt = async (name: string, act: () => unknown) => {
  try {
    await act()
    tried[name] = 'done'
  } catch (error) {
    tried[name] = (error as NodeJS.ErrnoException).code ?? String(error)
  }
}
await attempt('read a file of the system', () => readFileSync('/etc/hostname'))
await attempt('write elsewhere', () => writeFileSync('../../../herald-was-here', ''))
await attempt('reach the network', () => {
  const socket = connect(Number(process.env['PORT_OF_TEST']), '127.0.0.1')
  return new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('connect', () => {
      socket.destroy()
      resolve()
    })
  })
})
await attempt('write into its own folder', () => writeFileSync('probe', ''))
writeFileSync('tried.json', JSON.stringify(tried))
