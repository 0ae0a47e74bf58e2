// One template, many files: which items are rendered again after a change. Uses the real renderer and mirror.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toKey, type Key } from '../../src/core/key.ts'
import { reduce } from '../../src/core/mirror.ts'
import type { TemplateSpec } from '../../src/core/resource.ts'
import { emptyTree, type Tree } from '../../src/core/tree.ts'
import { ForEach, type Expansion, type ExpansionFailure } from '../../src/engine/for-each.ts'
import type { TemplateRenderer } from '../../src/templates/render.ts'
import { Workshop, type Keys } from '../templates/helper.ts'

const workshop = new Workshop()
let count = 0

const DEST = '/etc/sites/{{ item.name }}.conf'
const PORT = '{{ item.get("port", "80") }}'

/** A mutable store, and a for_each template over its keys. */
class World {
  tree: Tree = emptyTree
  readonly spec: TemplateSpec
  /** The items rendered since the last call of `look`. */
  rendered: Key[] = []
  /** Called once, during the next render of an item. */
  during: (() => void) | undefined
  readonly forEach: ForEach

  constructor(text: string, more: Partial<TemplateSpec> = {}) {
    const name = `f${count++}.njk`
    workshop.write(name, text)
    this.spec = workshop.spec(name, { dest: DEST, forEach: '/vhosts/*', ...more })
    const renderer: TemplateRenderer = {
      ...workshop.renderer,
      renderItem: async (...args) => {
        this.rendered.push(args[3])
        const result = await workshop.renderer.renderItem(...args)
        this.during?.()
        this.during = undefined
        return result
      },
    }
    this.forEach = new ForEach(renderer, 'etcdv3')
  }

  set(keys: Keys): void {
    const entries = new Map(Object.entries(keys).map(([key, value]) => [toKey(key), value]))
    const { tree, changes } = reduce(this.tree, { kind: 'snapshot', entries })
    this.tree = tree
    this.forEach.keysChanged(changes)
  }

  /**
   * Renders the template and confirms that its files are in place. Returns the text of each newly rendered file by its
   * path, or the message of the fault.
   */
  async settle(): Promise<Record<string, string> | string> {
    const result = await this.render()
    if ('fault' in result) return result.fault.message
    this.forEach.confirm(result.all.keys())
    return textsOf(result)
  }

  async render(): Promise<Expansion | ExpansionFailure> {
    const result = await this.forEach.render(this.spec, this.tree)
    return result.ok ? result.value : result.error
  }

  /** Returns the items rendered since the previous call. */
  look(): Key[] {
    return this.rendered.splice(0)
  }
}

const textsOf = ({ fresh }: Expansion): Record<string, string> =>
  Object.fromEntries(fresh.map(({ spec, bytes }) => [spec.dest, Buffer.from(bytes).toString()]))

/** Renders the same keys with a new ForEach, which gives the expected result. */
async function anew(world: World): Promise<Record<string, string> | string> {
  const result = await new ForEach(workshop.renderer, 'etcdv3').render(world.spec, world.tree)
  return result.ok ? textsOf(result.value) : result.error.fault.message
}

const two = { '/vhosts/a/port': '1', '/vhosts/b': 'x', '/other': 'y' }

describe('items to render again', () => {
  it('all at first, then only items whose reads have changed', async () => {
    const world = new World(PORT)
    world.set(two)
    expect(await world.settle()).toEqual({ '/etc/sites/a.conf': '1', '/etc/sites/b.conf': '80' })
    expect(world.look()).toEqual(['/vhosts/a', '/vhosts/b'])
    world.set({ ...two, '/vhosts/b/port': '2', '/other': 'z' })
    expect(world.forEach.isDirty).toBe(true)
    expect(await world.settle()).toEqual({ '/etc/sites/b.conf': '2' })
    expect(world.look()).toEqual(['/vhosts/b'])
    world.set({ ...two, '/vhosts/b/port': '2', '/vhosts/b': 'nobody reads this' })
    expect(world.forEach.isDirty).toBe(false)
    expect(await world.settle()).toEqual({})
    expect(world.look()).toEqual([])
  })

  it('of 2,000 items, only the one whose key has changed', async () => {
    const world = new World(`{{ item.key }} ${PORT}`)
    const keys: Record<string, string> = {}
    for (let n = 0; n < 2000; n++) keys[`/vhosts/v${n}/port`] = String(n)
    world.set(keys)
    expect(Object.keys(await world.settle())).toHaveLength(2000)
    expect(world.look()).toHaveLength(2000)
    world.set({ ...keys, '/vhosts/v77/port': 'new' })
    expect(await world.settle()).toEqual({ '/etc/sites/v77.conf': '/vhosts/v77 new' })
    expect(world.look()).toEqual(['/vhosts/v77'])
  })

  it('all items, if all have read the changed key', async () => {
    const world = new World('{{ getv("/other") }}')
    world.set(two)
    await world.settle()
    world.set({ ...two, '/other': 'z' })
    expect(await world.settle()).toEqual({ '/etc/sites/a.conf': 'z', '/etc/sites/b.conf': 'z' })
  })

  it('a new item; an item that vanishes costs nothing', async () => {
    const world = new World(PORT)
    world.set(two)
    await world.settle()
    world.look()
    world.set({ '/vhosts/b': 'x', '/vhosts/c': '', '/other': 'y' })
    const made = (await world.render()) as Expansion
    expect([...made.all.values()].map(({ item }) => item)).toEqual(['/vhosts/b', '/vhosts/c'])
    expect(textsOf(made)).toEqual({ '/etc/sites/c.conf': '80' })
    expect(world.look()).toEqual(['/vhosts/c'])
    world.set({})
    expect((await world.render()) as Expansion).toMatchObject({ fresh: [], all: new Map() })
  })

  it('all items after forget(), and the users of a changed include', async () => {
    const world = new World('{% if item.exists("tls") %}{% include "tls.njk" %}{% endif %}')
    const tls = workshop.write('tls.njk', 'one')
    world.set({ '/vhosts/a/tls': '', '/vhosts/b/port': '' })
    await world.settle()
    world.look()
    world.forEach.forget()
    expect(Object.keys(await world.settle())).toHaveLength(2)
    expect(world.look()).toHaveLength(2)
    workshop.write('tls.njk', 'two')
    workshop.renderer.forget(tls)
    world.forEach.filesChanged(new Set([tls]))
    expect(await world.settle()).toEqual({ '/etc/sites/a.conf': 'two' })
  })

  it('an item that changes during its render, according to its newest reads', async () => {
    const world = new World(PORT)
    world.set({ '/vhosts/a/port': '1' })
    world.during = () => world.set({ '/vhosts/a/port': '2' })
    expect(await world.settle()).toEqual({ '/etc/sites/a.conf': '1' })
    expect(world.forEach.isDirty).toBe(true)
    expect(await world.settle()).toEqual({ '/etc/sites/a.conf': '2' })
  })

  it('give the same result as rendering everything', async () => {
    const segment = fc.constantFrom('a', 'b', 'a-b', 'port', 'n')
    const path = fc
      .array(segment, { minLength: 1, maxLength: 2 })
      .map((parts) => toKey(`vhosts/${parts.join('/')}`))
    const state = fc
      .array(fc.tuple(path, fc.constantFrom('1', '2')), { maxLength: 8 })
      .map((pairs): Keys => Object.fromEntries(pairs))
    const text =
      '{{ item.value }} {{ item.get("port", "-") }} {{ item.exists("n") }} ' +
      '{% if item.name == "a" %}{{ gets("/vhosts/b/*") | length }}{{ item.ls() }}{% endif %}' +
      // The template fails while this key exists.
      '{% if exists("/vhosts/n/n") %}{{ getv("/none") }}{% endif %}'
    const world = new World(text, {
      dest: '/etc/sites/{{ item.name }}.{{ item.get("n", "0") }}.conf',
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(state, fc.boolean()), { maxLength: 6 }), async (steps) => {
        let files: Record<string, string> = {}
        world.forEach.forget()
        for (const [keys, confirmed] of steps) {
          world.set(keys)
          const result = await world.render()
          if ('fault' in result) {
            expect(result.fault.message).toBe(await anew(world))
            continue
          }
          files = { ...files, ...textsOf(result) }
          for (const dest of Object.keys(files)) if (!result.all.has(dest)) delete files[dest]
          if (confirmed) world.forEach.confirm(result.all.keys())
          expect(files).toEqual(await anew(world))
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('results', () => {
  it('a file stays fresh until it is confirmed', async () => {
    const world = new World(PORT)
    world.set(two)
    const first = (await world.render()) as Expansion
    expect(first.fresh).toHaveLength(2)
    world.forEach.confirm(['/etc/sites/a.conf'])
    expect(textsOf((await world.render()) as Expansion)).toEqual({ '/etc/sites/b.conf': '80' })
    expect(world.look()).toHaveLength(2)
  })

  it('each file has its spec, item, hash and size; the reads cover all items', async () => {
    const world = new World(PORT, { prefix: '/p' })
    world.set({ '/p/vhosts/a/port': '8080' })
    const { fresh, all, reads } = (await world.render()) as Expansion
    expect(fresh.map(({ spec }) => spec)).toEqual([{ ...world.spec, dest: '/etc/sites/a.conf' }])
    expect([...all]).toMatchObject([['/etc/sites/a.conf', { item: '/vhosts/a', size: 4 }]])
    expect(reads.flatMap(({ listings }) => [...listings])).toEqual(['/p/vhosts'])
    expect(reads.flatMap(({ keys }) => [...keys])).toEqual(['/p/vhosts/a/port'])
    expect(reads.flatMap(({ files }) => [...files])).toEqual([world.spec.src])
  })

  it('only keys of the resource are visible', async () => {
    const world = new World(PORT, { keys: ['/vhosts/b'] })
    world.set(two)
    expect(await world.settle()).toEqual({ '/etc/sites/b.conf': '80' })
  })
})

describe('failures', () => {
  it('one failing item fails all and is named; only it is rendered again', async () => {
    const world = new World('{{ item.get("port") }}')
    world.set({ ...two, '/vhosts/c/port': '3' })
    const failure = (await world.render()) as ExpansionFailure
    expect(failure.fault.message).toMatch(/^item \/vhosts\/b: key "\/vhosts\/b\/port" does not/)
    expect(failure.fault).toMatchObject({ file: world.spec.src, line: 1 })
    expect(failure.reads.flatMap(({ keys }) => [...keys])).toContain('/vhosts/b/port')
    expect(world.forEach.isDirty).toBe(false)
    world.look()
    world.set({ ...two, '/vhosts/b/port': '2', '/vhosts/c/port': '3' })
    expect(world.forEach.isDirty).toBe(true)
    expect(Object.keys(await world.settle())).toHaveLength(3)
    expect(world.look()).toEqual(['/vhosts/b'])
  })

  it('the other failing items are counted', async () => {
    const world = new World('{{ item.get("none") }}')
    world.set(two)
    expect(await world.settle()).toMatch(/^item \/vhosts\/a: key .*\(and 1 more failed\)$/)
  })

  it('two items with the same dest: a fault that names both, until one of them is gone', async () => {
    const world = new World('', { dest: '/etc/sites/{{ item.get("to") }}' })
    world.set({ '/vhosts/a/to': 'x', '/vhosts/b/to': 'x' })
    expect(await world.settle()).toBe('/vhosts/a and /vhosts/b write the same file: /etc/sites/x')
    world.set({ '/vhosts/b/to': 'x' })
    expect(await world.settle()).toEqual({ '/etc/sites/x': '' })
  })

  it('a dest outside its folder, and an invalid dest template', async () => {
    const world = new World('', { dest: '/etc/sites/{{ item.get("to") }}' })
    world.set({ '/vhosts/a/to': '../passwd' })
    expect(await world.settle()).toBe('no file for /vhosts/a: its path has the component ..')
    const bad = new World('', { dest: '/etc/sites/{{ item.nane }}' })
    bad.set(two)
    expect(await bad.settle()).toMatch(/^item \/vhosts\/a: in dest: item\.nane is not defined /)
  })

  it('a malformed pattern', async () => {
    const world = new World('', { forEach: '/vhosts/[' })
    world.set(two)
    expect(await world.settle()).toBe('for_each: syntax error in pattern "["')
    expect(world.forEach.isDirty).toBe(false)
  })
})
