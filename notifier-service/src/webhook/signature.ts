import { createHmac } from 'node:crypto'

export const secretsForm =
  'whsec_ and 24 to 64 random bytes in base64: echo "whsec_$(openssl rand -base64 32)"; ' +
  'during a rotation the new one, a space and the old one'

/** The keys of one secret, or of two separated by a space. Throws TypeError; its message holds no secret. */
export function parseSecrets(text: string): Buffer[] {
  const secrets = text.split(' ')
  if (secrets.length > 2) throw new TypeError(`not ${secretsForm}`)
  return secrets.map(parseSecret)
}

/** The key in a secret such as `whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD`. */
function parseSecret(text: string): Buffer {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const key = Buffer.from(base64, 'base64')
  if (key.length < 24 || key.length > 64) throw new TypeError(`not ${secretsForm}`)
  return key
}

export interface Signed {
  readonly 'webhook-id': string
  /** Seconds since 1970. */
  readonly 'webhook-timestamp': string
  /** For each key `v1,` and the HMAC in base64; separated by spaces. */
  readonly 'webhook-signature': string
}

/**
 * Signs as Standard Webhooks does: HMAC-SHA256 over `id.timestamp.body`
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 * The time is signed as well, so that a receiver can reject a captured request after minutes.
 * Several keys are for a rotation: a receiver accepts a request if one signature is right.
 */
export function sign(
  keys: readonly Uint8Array[],
  id: string,
  body: Uint8Array,
  at = Date.now(),
): Signed {
  const timestamp = String(Math.floor(at / 1000))
  const signatures = keys.map((key) => {
    const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body)
    return `v1,${hmac.digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
