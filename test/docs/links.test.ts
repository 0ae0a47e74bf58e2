// Every link from a page to a file of the repository or to a heading must be valid, and so must every picture. Every
// npm script and every path in the repository that a page names must exist.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchorsOf, pages, prose, readPage, top } from './markdown.ts'

const further = ['CHANGELOG.md', 'CONTRIBUTING.md', 'test/faults/README.md', 'bench/README.md']
const all = [...pages, ...further.filter((page) => existsSync(join(top, page)))]

/** Returns the targets of links and pictures within the repository, with their line numbers. */
function targetsIn(page: string): { target: string; line: number }[] {
  return prose(readPage(page))
    .split('\n')
    .flatMap((text, n) =>
      [...text.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({
        target,
        line: n + 1,
      })),
    )
    .filter(({ target }) => !/^[a-z]+:/.test(target))
}

/** Returns the problem with a link, or undefined if the link is valid. */
function problemOf(page: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#', 2)
  const file = path === '' ? page : normalize(join(dirname(page), path))
  if (!existsSync(join(top, file))) return `${file} does not exist`
  if (anchor === undefined) return undefined
  return anchorsOf(readPage(file)).has(anchor) ? undefined : `${file} has no heading #${anchor}`
}

describe('links are valid', () => {
  test.each(all)('%s', (page) => {
    const problems = targetsIn(page).flatMap(({ target, line }) => {
      const problem = problemOf(page, target)
      return problem === undefined ? [] : [`${page}:${line}: ${target}: ${problem}`]
    })
    expect(problems).toEqual([])
  })

  test('every page of docs/ can be reached from the README', () => {
    const reached = new Set(['README.md'])
    for (const page of reached) {
      for (const { target } of targetsIn(page)) {
        const file = normalize(join(dirname(page), target.split('#', 1)[0] ?? ''))
        if (pages.includes(file)) reached.add(file)
      }
    }
    const docs = pages.filter((page) => page.startsWith('docs/'))
    expect(docs.filter((page) => !reached.has(page))).toEqual([])
  })
})

describe('named scripts and paths exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }

  test.each(all)('%s', (page) => {
    const text = readPage(page)
    const run = [...text.matchAll(/\bnpm run ([\w-]+)/g)].map(([, name = '']) => name)
    expect(run.filter((name) => !(name in scripts))).toEqual([])
    // Finds paths of tests, sources, benchmarks, scripts and packaging.
    const paths = [
      ...text.matchAll(/(?<![\w/.-])(?:test|src|bench|scripts|packaging)\/[\w./-]*\w/g),
    ]
    expect(paths.map(([path]) => path).filter((path) => !existsSync(join(top, path)))).toEqual([])
  })
})
