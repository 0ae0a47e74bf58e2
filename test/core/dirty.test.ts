import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DirtyIndex } from '../../src/core/dirty.ts'
import { covers, fullKey, toKey, type Key } from '../../src/core/key.ts'
import { reduce } from '../../src/core/mirror.ts'
import { Reader } from '../../src/core/reader.ts'
import type { Scope } from '../../src/core/reads.ts'
import { treeOf, type Tree } from '../../src/core/tree.ts'

// A program stands for a template: it is a list of look-ups, and its output is their results.
const segment = fc.constantFrom('a', 'b', 'c', 'ab', '*', 'a*')
const plain = fc.constantFrom('a', 'b', 'c', 'ab')
const path = fc.array(plain, { maxLength: 3 }).map((parts) => toKey(parts.join('/')))
const lookup = fc.oneof(
  fc.record({ kind: fc.constant('get' as const), path }),
  fc.record({ kind: fc.constant('under' as const), path }),
  fc.record({ kind: fc.constant('children' as const), path }),
  fc.record({
    kind: fc.constantFrom('match' as const, 'matches' as const),
    path: fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => toKey(parts.join('/'))),
  }),
)
const program = fc.record({
  prefix: fc.constantFrom<Key>('/', '/a'),
  keys: fc.array(path, { minLength: 1, maxLength: 2 }),
  lookups: fc.array(lookup, { maxLength: 4 }),
})
type Program = typeof program extends fc.Arbitrary<infer T> ? T : never
const entries = fc
  .array(fc.tuple(path, fc.constantFrom('1', '2')), { maxLength: 12 })
  .map((pairs) => new Map(pairs))

function render({ prefix, keys, lookups }: Program, tree: Tree) {
  const scope: Scope = { store: 'test', prefix, keys }
  const reader = new Reader(tree, scope)
  const output = JSON.stringify(
    lookups.map(({ kind, path }) => {
      if (kind === 'get') return reader.get(path) ?? null
      return reader[kind](path)
    }),
  )
  return { output, reads: reader.reads }
}

describe('dirty', () => {
  it('rendering only what is dirty equals rendering everything', () => {
    fc.assert(
      fc.property(
        fc.array(program, { maxLength: 5 }),
        fc.array(entries, { minLength: 2, maxLength: 6 }),
        (programs, states) => {
          const index = new DirtyIndex()
          let tree = treeOf(states[0] ?? new Map())
          const outputs = programs.map((one, n) => {
            const { output, reads } = render(one, tree)
            index.set(String(n), [reads])
            return output
          })
          for (const entries of states.slice(1)) {
            const step = reduce(tree, { kind: 'snapshot', entries })
            tree = step.tree
            for (const name of index.affected(step.changes).keys()) {
              const { output, reads } = render(programs[Number(name)] as Program, tree)
              index.set(name, [reads])
              outputs[Number(name)] = output
            }
            expect(outputs).toEqual(programs.map((one) => render(one, tree).output))
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('a key outside of `keys` affects no resource, whatever is looked up above them', () => {
    fc.assert(
      fc.property(
        program,
        entries,
        path,
        fc.constantFrom('added', 'value', 'removed'),
        (one, all, key, how) => {
          const index = new DirtyIndex()
          index.set('r', [render(one, treeOf(all)).reads])
          const isVisible = one.keys.some((root) => covers(fullKey(one.prefix, root), key))
          fc.pre(!isVisible)
          expect(index.affected(new Map([[key, how]])).size).toBe(0)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('a changed value below a directory whose names were listed causes no render', () => {
    const index = new DirtyIndex()
    const tree = treeOf(new Map([['/s/a', '1']]))
    const reader = new Reader(tree, { store: 'test', prefix: '/', keys: ['/s'] })
    reader.children('/s')
    index.set('lists', [reader.reads])
    expect(index.affected(new Map([['/s/a', 'value']]))).toEqual(new Map())
    expect(index.affected(new Map([['/s/b', 'added']]))).toEqual(
      new Map([['lists', { keys: ['/s/b'], files: [], more: 0 }]]),
    )
  })

  it('sees only what the keys of the resource name', () => {
    const tree = treeOf(
      new Map([
        ['/p/app/x', '1'],
        ['/p/application/x', '2'],
        ['/p/other', '3'],
      ]),
    )
    const reader = new Reader(tree, { store: 'test', prefix: '/p', keys: ['/app'] })
    expect(reader.under('/').flat()).toEqual([{ key: '/app/x', value: '1' }])
    expect(reader.get('/other')).toBeUndefined()
    expect(reader.isWatched('/other')).toBe(false)
    expect(reader.children('/')).toEqual(['app'])
    expect(reader.match('/*/x').flat()).toEqual([{ key: '/app/x', value: '1' }])
  })

  it('names the first ten keys that concern a resource, and counts the others', () => {
    const index = new DirtyIndex()
    const reader = new Reader(treeOf(new Map()), { store: 'test', prefix: '/', keys: ['/'] })
    reader.under('/many')
    reader.get('/many/k3')
    index.set('r', [reader.reads])
    const names = Array.from({ length: 12 }, (_, n) => `/many/k${n}` as const)
    const changes = new Map(['/other' as const, ...names].map((key) => [key, 'added'] as const))
    const cause = { keys: names.slice(0, 10), files: [], more: 2 }
    expect(index.affected(changes)).toEqual(new Map([['r', cause]]))
  })

  it('forgets what a resource no longer reads', () => {
    const index = new DirtyIndex()
    const tree = treeOf(new Map())
    const first = new Reader(tree, { store: 'test', prefix: '/', keys: ['/'] })
    first.get('/a')
    first.match('/m/*')
    first.file('/etc/x')
    index.set('r', [first.reads])
    expect(index.usersOf('/etc/x')).toEqual(new Set(['r']))
    index.set('r', [])
    expect(
      index.affected(
        new Map([
          ['/a', 'value'],
          ['/m/1', 'added'],
        ]),
      ),
    ).toEqual(new Map())
    expect(index.usersOf('/etc/x')).toEqual(new Set())
  })
})
