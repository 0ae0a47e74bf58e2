// Tests the blocks of the pages that contain no commands. Resources, settings and templates must pass `reconfd
// check`, data must be valid, and every block must have a known language.
import { describe, expect, test } from 'vitest'
import { parse as parseToml } from 'smol-toml'
import { parseAllDocuments } from 'yaml'
import { checkOffline } from '../../src/check/offline.ts'
import { findingsText } from '../../src/check/findings.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { folderOf } from '../config/folder.ts'
import { settingsFor } from '../config/load.ts'
import { shellLanguages } from './commands.ts'
import { blocksOf, pages, prose, readPage, type Block } from './markdown.ts'

/** Languages whose blocks are not checked here, each with the reason. */
const shown: ReadonlyMap<string, string> = new Map([
  ['text', 'what programs say; `output of` and `lines of` compare it with what they do say'],
  ['diff', 'the same'],
  ['hcl', 'of Consul and consul-template'],
  ['ini', 'of systemd; the unit itself is tested where it lies'],
  ['dockerfile', 'of Docker'],
  ['js', 'run by test/library'],
])
const templateLanguages: ReadonlyMap<string, string> = new Map([
  ['jinja', 'x.njk'],
  ['gotmpl', 'x.tmpl'],
])

/** True for a block of settings, whose first line names confd.toml. */
const isSettings = ({ text }: Block): boolean => /^#.*confd\.toml/.test(text)

interface Resource {
  readonly text: string
  readonly src: string
}

/** Returns a complete resource. A block without `[template]` shows only keys of that table, so the rest is added. */
function resourceOf({ text }: Block): Resource {
  const whole = parseToml(text)['template'] === undefined ? `${simplest('x.njk')}${text}` : text
  return { text: whole, src: /^src *= *"(.*?)"/m.exec(whole)?.[1] ?? 'x.njk' }
}
const simplest = (src: string, forEach = false): string =>
  `[template]\nsrc = "${src}"\nkeys = ["/"]\n` +
  (forEach ? 'for_each = "/*"\ndest = "/tmp/x/{{ item.Name }}"\n' : 'dest = "/tmp/x"\n')

/** Returns the errors that `reconfd check` prints; '' if there are none. */
async function faultsIn(settings: string, resource: Resource, template: string): Promise<string> {
  const confdir = await folderOf({
    'confd.toml': settings,
    'conf.d/x.toml': resource.text,
    [`templates/${resource.src}`]: template,
  })
  const run = await settingsFor(confdir, ['-conf-file', `${confdir}/confd.toml`])
  const { findings, counted } = await checkOffline(run)
  const errors = findings.filter(({ severity }) => severity === 'error')
  return errors.length === 0 ? '' : findingsText(errors, counted, false)
}

describe.each(pages)('%s', (page) => {
  const blocks = blocksOf(page)
  const settings = blocks.filter((block) => block.language === 'toml' && isSettings(block))
  const allSettings = settings.map(({ text }) => text).join('\n')
  const at = ({ line }: Block): string => `${page}:${line}`

  /** Returns the last resource above a template, if the `src` of that resource has the same extension as `src`. */
  function shownBefore(block: Block, src: string): Resource {
    const before = blocks.slice(0, blocks.indexOf(block))
    const last = before.findLast((other) => other.language === 'toml' && !isSettings(other))
    const resource = last === undefined ? undefined : resourceOf(last)
    if (resource?.src.endsWith(src.slice(1)) === true) return resource
    // Otherwise returns a minimal resource, because the real resource is on another page or has a template in the
    // other language.
    return { text: simplest(src, resource?.text.includes('for_each')), src }
  }

  test('every block has a known language', () => {
    const known = [...shown.keys(), ...templateLanguages.keys(), ...shellLanguages]
    const languages = [...known, 'toml', 'yaml', 'json']
    const unknown = blocks.filter(({ language }) => !languages.includes(language))
    expect(unknown.map((block) => `${at(block)} ${block.language}`)).toEqual([])
  })

  test('resources and settings are valid', async () => {
    for (const block of blocks.filter(({ language }) => language === 'toml')) {
      // Service files are tested by the commands of their page.
      if (block.text.startsWith('# /etc/confd/register.d/')) continue
      const resource = isSettings(block)
        ? { text: simplest('x.njk'), src: 'x.njk' }
        : resourceOf(block)
      expect(await faultsIn(allSettings, resource, ''), at(block)).toBe('')
    }
  })

  test('templates are valid', async () => {
    for (const block of blocks) {
      const src = templateLanguages.get(block.language)
      if (src === undefined) continue
      const resource = shownBefore(block, src)
      expect(await faultsIn(allSettings, resource, block.text), at(block)).toBe('')
    }
  })

  test('commands and flags in sentences exist', async () => {
    const spans = prose(readPage(page)).matchAll(/`(?:reconfd )((?:-|[a-z]+\b)[^`|]*)`/g)
    for (const [span, words = ''] of spans) {
      const read = await loadSettings(words.trim().split(/\s+/), {})
      const unknown = read.ok
        ? []
        : read.error.faults.filter(({ message }) => /unknown/.test(message))
      expect(unknown, span).toEqual([])
    }
  })

  test('data can be parsed', () => {
    for (const { language, text, line } of blocks) {
      const where = `${page}:${line}`
      if (language === 'yaml') {
        expect(
          parseAllDocuments(text).flatMap(({ errors }) => errors),
          where,
        ).toEqual([])
      }
      // A block contains one value, or one value per line.
      if (language === 'json') {
        const values = text.startsWith('{"') && text.includes('}\n{') ? text.split('\n') : [text]
        for (const value of values) expect(() => JSON.parse(value) as unknown, where).not.toThrow()
      }
    }
  })
})
