import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

type Value = boolean | number | string

/**
 * Forbids what documents may request: macros; pictures, sections or sheets from the network or
 * from this machine; recalculation, which could load either. Any other request goes to a proxy that
 * does not exist.
 */
const settings: Readonly<Record<string, Readonly<Record<string, Value>>>> = {
  'org.openoffice.Office.Common/Security/Scripting': {
    MacroSecurityLevel: 3,
    DisableMacrosExecution: true,
    BlockUntrustedRefererLinks: true,
    // Since 7.6: objects, controls and plug-ins of any kind.
    DisableActiveContent: true,
  },
  // Never is 0 here, and 1 below.
  'org.openoffice.Office.Writer/Content/Update': { Link: 0, Field: false, Chart: false },
  'org.openoffice.Office.Calc/Content/Update': { Link: 1 },
  'org.openoffice.Office.Calc/Formula/Load': { OOXMLRecalcMode: 1, ODFRecalcMode: 1 },
  'org.openoffice.Inet/Settings': {
    ooInetProxyType: 2,
    ooInetHTTPProxyName: '127.0.0.1',
    ooInetHTTPProxyPort: 9,
    ooInetHTTPSProxyName: '127.0.0.1',
    ooInetHTTPSProxyPort: 9,
    ooInetNoProxy: '',
  },
  'org.openoffice.Office.Java/VirtualMachine': { Enable: false },
}

const calculating = { 'org.openoffice.Office.Calc/Formula/Load': { OOXMLRecalcMode: 0 } }

interface ProfileOptions {
  /** Recalculates formulas instead of keeping their values. */
  readonly calculates?: boolean
  /** Of the LibreOffice that will use it, which then does not set up the profile first. */
  readonly buildId?: string
}

/** Writes a LibreOffice profile. */
export async function writeProfile(
  folder: string,
  { calculates = false, buildId }: ProfileOptions = {},
): Promise<void> {
  const all = calculates ? { ...settings, ...calculating } : settings
  const items = Object.entries(all).flatMap(([path, properties]) =>
    Object.entries(properties).map(
      ([name, value]) =>
        `<item oor:path="/${path}"><prop oor:name="${name}" oor:op="fuse"><value>${value}</value></prop></item>`,
    ),
  )
  await mkdir(join(folder, 'user', 'extensions'), { recursive: true })
  // A profile of another build has its extensions registered, after which LibreOffice ends and
  // asks to be started again: desktop/source/app/check_ext_deps.cxx, needsSync.
  if (buildId) await writeFile(join(folder, 'user', 'extensions', 'buildid'), buildId)
  await writeFile(
    join(folder, 'user', 'registrymodifications.xcu'),
    `<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
${items.join('\n')}
</oor:items>
`,
  )
}
