import { remembered } from './remembered.js'
import { visible } from './visible-text.js'

const names: Record<string, string> = {
  webp: 'WebP',
  jxl: 'JPEG XL',
  jp2: 'JPEG 2000',
  'vnd.microsoft.icon': 'ICO',
  icon: 'ICO',
  'vnd.adobe.photoshop': 'PSD',
  plain: 'TXT',
}

/** `image/svg+xml` is `SVG` to people; so is a format's own name, `svg`. */
export const formatName = remembered((mediaType: string): string => {
  const subtype = visible(mediaType, 120).split(';')[0]?.split('/').at(-1)?.toLowerCase() ?? ''
  const plain = subtype.replace(/^x-|\+.*$/g, '')
  if (Object.hasOwn(names, plain)) return names[plain] ?? ''
  return plain.length <= 5 ? plain.toUpperCase() : plain.slice(0, 40)
})
