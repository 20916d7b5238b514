import { createHmac } from 'node:crypto'

export const secretForm =
  'whsec_ and 24 to 64 random bytes in base64: echo "whsec_$(openssl rand -base64 32)"'

/** The key in a secret such as `whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD`. Throws TypeError; its message holds no secret. */
export function parseSecret(text: string): Buffer {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const key = Buffer.from(base64, 'base64')
  if (key.length < 24 || key.length > 64) throw new TypeError(`not ${secretForm}`)
  return key
}

export interface Signed {
  readonly 'webhook-id': string
  /** Seconds since 1970. */
  readonly 'webhook-timestamp': string
  /** `v1,` and the HMAC in base64. */
  readonly 'webhook-signature': string
}

/**
 * Signs as Standard Webhooks does: HMAC-SHA256 over `id.timestamp.body`
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 * The time is signed as well, so that a request that was overheard is of use for minutes only.
 */
export function sign(key: Uint8Array, id: string, body: Uint8Array, at = Date.now()): Signed {
  const timestamp = String(Math.floor(at / 1000))
  const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body)
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${hmac.digest('base64')}`,
  }
}
