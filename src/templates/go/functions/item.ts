// `item` in Go templates: `{{item.Key}}`, `{{item.Get "port" "80"}}`, `{{range item.Pairs}}`. The first letter of a
// name such as Key may be lower case, as in nunjucks.
import { toBinary } from '../../bytes.ts'
import type { RenderContext } from '../../context.ts'
import { Item, itemFunctions, itemKey } from '../../functions/item.ts'
import { goFunction } from '../builtins.ts'
import { BOOL, KV_PAIRS, STRING, STRINGS, structOf } from '../types.ts'
import { Opaque, type Func, type Value } from '../values.ts'
import { bridge, toGo } from './bridge.ts'

const ITEM = structOf('reconfd.Item', [])

class ItemValue extends Opaque {
  readonly type = ITEM
  readonly #item: Item
  readonly #methods: ReadonlyMap<string, Func>

  constructor(context: RenderContext) {
    super()
    const item = new Item(context)
    this.#item = item
    const { get, exists, gets, ls } = itemFunctions
    const text = (give: () => string): Func => goFunction([], STRING, () => toBinary(give()))
    this.#methods = new Map([
      ['key', text(() => item.key)],
      ['name', text(() => item.name)],
      ['value', text(() => item.value)],
      ['pairs', goFunction([], KV_PAIRS, (): Value => toGo(item.pairs, KV_PAIRS))],
      ['get', bridge(get, [STRING, STRING], STRING, context, true)],
      ['exists', bridge(exists, [STRING], BOOL, context)],
      ['gets', bridge(gets, [STRING], KV_PAIRS, context)],
      ['ls', bridge(ls, [STRING], STRINGS, context, true)],
    ])
  }

  text(): string {
    return toBinary(this.#item.key)
  }

  identity(): string {
    return this.#item.key
  }

  override get members(): readonly string[] {
    return ['Key', 'Name', 'Value', 'Pairs', 'Get', 'Exists', 'Gets', 'Ls']
  }

  override json(): string {
    return toBinary(JSON.stringify(this.#item))
  }

  method(name: string): Func | undefined {
    return this.#methods.get(name.charAt(0).toLowerCase() + name.slice(1))
  }
}

/** The function `item`. Throws a fault in a template without for_each. */
export const itemFunction = (context: RenderContext): Func =>
  goFunction([], ITEM, () => {
    itemKey(context)
    return new ItemValue(context)
  })
