import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

/** Why there are no certificates; empty if openssl is installed. */
export const certificatesMissing = (() => {
  try {
    execFileSync('openssl', ['version'])
    return ''
  } catch {
    return ' (left out: openssl is needed to create certificates)'
  }
})()

/**
 * Writes ca.pem and other.pem, two authorities, and server.pem with server.key, a certificate of the
 * first for loopback. `file` gives the path of a name.
 */
export function makeCertificates(file: (name: string) => string): void {
  const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const authority = (name: string) =>
    run(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)],
    )
  authority('ca')
  authority('other')
  writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  run(
    ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=server'],
    ...['-keyout', file('server.key'), '-out', file('server.csr')],
  )
  run(
    ...['x509', '-req', '-in', file('server.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key')],
    ...['-CAcreateserial', '-days', '2', '-extfile', file('names'), '-out', file('server.pem')],
  )
}
