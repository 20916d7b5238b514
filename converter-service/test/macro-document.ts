import { openDocumentFile } from './office-file.js'

const events = ['dom:load', 'office:view-created', 'office:prepare-unload']
const xml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
const macro = (target: string) =>
  `Sub Main\nDim n As Integer\nn = FreeFile\nOpen "${target}" For Output As #n\nPrint #n, "ran"\nClose #n\nEnd Sub`
const library = 'xmlns:library="http://openoffice.org/2000/library"'

/** An OpenDocument text whose own macro writes the file `target` when it is opened, and when it is closed. */
export function macroDocument(target: string, body: string): Buffer {
  const where = xml('vnd.sun.star.script:Standard.Module1.Main?language=Basic&location=document')
  const listeners = events.map(
    (event) =>
      `<script:event-listener script:language="ooo:script" script:event-name="${event}" xlink:href="${where}" xlink:type="simple"/>`,
  )
  return openDocumentFile('odt', body, {
    scripts: `<office:scripts xmlns:dom="http://www.w3.org/2001/xml-events" xmlns:ooo="http://openoffice.org/2004/office"><office:event-listeners>${listeners.join('')}</office:event-listeners></office:scripts>`,
    more: [
      {
        name: 'Basic/script-lc.xml',
        bytes: `<library:libraries ${library}><library:library library:name="Standard" library:link="false"/></library:libraries>`,
      },
      {
        name: 'Basic/Standard/script-lb.xml',
        bytes: `<library:library ${library} library:name="Standard" library:readonly="false" library:passwordprotected="false"><library:element library:name="Module1"/></library:library>`,
      },
      {
        name: 'Basic/Standard/Module1.xml',
        bytes: `<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1" script:language="StarBasic">${xml(macro(target))}</script:module>`,
      },
    ],
  })
}
