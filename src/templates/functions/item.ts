// `item`: the current match of for_each, as templates see it. Its functions resolve names relative to the key of the
// match.
import { globEscape } from '../../core/glob.ts'
import { joinKeys, type Key } from '../../core/key.ts'
import { raise } from '../../core/fault.ts'
import type { RenderContext } from '../context.ts'
import { define } from './define.ts'
import { demand, toPairs } from './lookups.ts'
import type { Pair } from './pair.ts'
import { optionalParam, textParam } from './params.ts'
import { base } from './paths.ts'

/** The fault for a template that uses `item` without for_each. */
export const NO_ITEM = {
  message: 'item is not defined: it exists only in templates with for_each',
  hint: 'set for_each = "/some/keys/*" beside dest in the resource, or look keys up with getv and gets',
} as const

export const itemKey = ({ item }: RenderContext): Key =>
  item ?? raise('template', NO_ITEM.message, { hint: NO_ITEM.hint })

const below = (context: RenderContext, name: string): Key => joinKeys(itemKey(context), name)

/** The functions of `item` in both languages. In Go, their names may also begin with a capital letter. */
export const itemFunctions = {
  get: define('item.get', {
    params: [textParam('name'), optionalParam(textParam('default'))],
    doc: 'The value of the key `name` below the item. A missing key without a default is an error.',
    examples: [],
    run: (context, name, otherwise) => {
      const key = below(context, name)
      if (otherwise !== undefined) return context.reader.get(key) ?? otherwise
      return demand(
        context,
        key,
        () => `give a default: item.get("${name}", "..."), or add the key`,
      )
    },
  }),
  exists: define('item.exists', {
    params: [textParam('name')],
    doc: 'True if the key `name` below the item has a value.',
    examples: [],
    run: (context, name) => context.reader.get(below(context, name)) !== undefined,
  }),
  gets: define('item.gets', {
    params: [textParam('pattern')],
    doc: 'The pairs below the item with a key that matches the pattern.',
    examples: [],
    run: (context, pattern) =>
      toPairs(context.reader.match(joinKeys(globEscape(itemKey(context)), pattern))),
  }),
  ls: define('item.ls', {
    params: [optionalParam(textParam('name'))],
    doc: 'The names directly below the item, or below `name` in it.',
    examples: [],
    run: (context, name = '') => [...context.reader.children(below(context, name))],
  }),
}

/** The item. A property looks up keys only when a template uses it, so that unused keys are not recorded. */
export class Item {
  readonly #context: RenderContext

  constructor(context: RenderContext) {
    this.#context = context
  }

  /** The key without the resource's prefix, as in pairs. */
  get key(): string {
    return itemKey(this.#context)
  }

  /** The last part of the key. */
  get name(): string {
    return base(this.key)
  }

  /** The value of the key; empty for a directory without a value. */
  get value(): string {
    return this.#context.reader.get(this.key) ?? ''
  }

  /** All pairs below the item, at every depth. */
  get pairs(): Pair[] {
    return toPairs(this.#context.reader.under(this.key))
  }

  get(...args: readonly unknown[]): unknown {
    return itemFunctions.get.call(this.#context, args)
  }

  exists(...args: readonly unknown[]): unknown {
    return itemFunctions.exists.call(this.#context, args)
  }

  gets(...args: readonly unknown[]): unknown {
    return itemFunctions.gets.call(this.#context, args)
  }

  ls(...args: readonly unknown[]): unknown {
    return itemFunctions.ls.call(this.#context, args)
  }

  get Key(): string {
    return this.key
  }

  get Name(): string {
    return this.name
  }

  get Value(): string {
    return this.value
  }

  get Pairs(): Pair[] {
    return this.pairs
  }

  toJSON(): unknown {
    return { key: this.key, name: this.name, value: this.value }
  }
}
