// Paths that are rendered from keys must be correct and must never leave their folder.
import { normalize } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { destFor, fixedFolder, sharedDest } from '../../src/core/for-each.ts'

const DEST = '/etc/nginx/sites/{{ base(item.key) }}.conf'
const path = (name: string) => destFor(DEST, '/vhosts/k', `/etc/nginx/sites/${name}`)
const message = (name: string): string | undefined => {
  const made = path(name)
  return made.ok ? undefined : made.error.message
}

describe('the fixed folder', () => {
  it.each([
    [DEST, '/etc/nginx/sites'],
    ['/etc/{{ a }}/{{ b }}', '/etc'],
    ['/etc/app-{{ a }}/b', '/etc'],
    ['/etc/one.conf', '/etc'],
    ['/{{ a }}', ''],
  ])('of %s is %s', (dest, folder) => {
    expect(fixedFolder(dest)).toBe(folder)
  })
})

describe('a path', () => {
  it.each([
    ['a.example.conf', 'a.example.conf'],
    ['bücher 書.conf', 'bücher 書.conf'],
    ['team/a.conf', 'team/a.conf'],
    ['...conf', '...conf'],
    ['a\u0000b\nc\u007f\u0085d\u2028.conf', 'a_b_c__d_.conf'],
    ['\ud800.conf', '_.conf'],
    [`${'é'.repeat(125)}.conf`, `${'é'.repeat(125)}.conf`],
  ])('%j is made %j', (name, expected) => {
    expect(path(name)).toEqual({ ok: true, value: `/etc/nginx/sites/${expected}` })
  })

  it.each([
    ['../../passwd', 'has the component ..'],
    ['a/../../../etc/passwd', 'has the component ..'],
    ['a/../b.conf', 'has the component ..'],
    ['./a.conf', 'has the component .'],
    ['..', 'has the component ..'],
    ['', 'has an empty component'],
    ['a//b.conf', 'has an empty component'],
    ['/etc/passwd', 'has an empty component'],
    ['a/', 'has an empty component'],
    [`${'é'.repeat(126)}.conf`, 'has a component longer than 255 bytes'],
    ['a/'.repeat(2100) + 'b', 'is longer than 4095 bytes'],
    ['.a.conf.reconfd-12-1', 'looks like the path of a staged file'],
  ])('%# is refused', (name, why) => {
    expect(message(name)).toBe(`no file for /vhosts/k: its path ${why}`)
  })

  it('that does not begin with the folder is refused', () => {
    for (const rendered of ['/etc/passwd', '/etc/nginx/sites-x/a', 'a', '', '/etc/nginx/sites']) {
      const made = destFor(DEST, '/vhosts/k', rendered)
      expect(made).toMatchObject({
        error: { message: 'no file for /vhosts/k: its path is not inside /etc/nginx/sites' },
      })
    }
  })

  it('a key in the fault is shortened to one line', () => {
    const made = destFor(DEST, `/vhosts/\n${'x'.repeat(5000)}`, '/etc/passwd')
    expect(made.ok || made.error.message).toMatch(/^no file for \/vhosts\/_x{191}\.\.\.: its/)
  })

  it('never leaves the folder, is never the folder, and holds nothing that no name can hold', () => {
    const nasty = fc.constantFrom(
      '..',
      '.',
      '/',
      '//',
      '\\',
      '\0',
      '\n',
      '~',
      '%2e%2e',
      '{{',
      'a',
      '',
    )
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 600 }),
      fc.array(fc.oneof(nasty, fc.string())).map((parts) => parts.join('')),
      fc.array(nasty).map((parts) => parts.join('/')),
    )
    const dests = fc.constantFrom(DEST, '/{{ a }}', '/srv/{{ item.value }}/app.conf')
    fc.assert(
      fc.property(dests, name, fc.boolean(), (dest, text, prefixed) => {
        const folder = fixedFolder(dest)
        const made = destFor(dest, text, prefixed ? `${folder}/${text}` : text)
        if (!made.ok) return
        expect(normalize(made.value)).toBe(made.value)
        expect(made.value.startsWith(`${folder}/`)).toBe(true)
        expect(made.value.length).toBeGreaterThan(folder.length + 1)
        expect(Buffer.from(made.value).toString()).toBe(made.value)
        expect(made.value).not.toMatch(/\p{Cc}|\/$/u)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('two matches', () => {
  it('that make the same path are a fault that names both', () => {
    const files = [
      { key: '/vhosts/a', dest: '/s/a.conf' },
      { key: '/vhosts/b', dest: '/s/b.conf' },
      { key: '/other/a', dest: '/s/a.conf' },
    ]
    expect(sharedDest(files)?.message).toBe('/vhosts/a and /other/a write the same file: /s/a.conf')
    expect(sharedDest(files.slice(0, 2))).toBeUndefined()
  })
})
