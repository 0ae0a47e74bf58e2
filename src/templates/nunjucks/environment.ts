// The environment of nunjucks: our functions as globals and filters, and no access to JavaScript's own objects.
import environmentModule, { type Environment } from 'nunjucks/src/environment.js'
import { functions } from '../functions/index.ts'
import type { Vocabulary } from './compiler.ts'
import { safeFilters } from './filters.ts'
import type { CurrentRun } from './run.ts'

export function createEnvironment(current: CurrentRun): Environment {
  const environment = new environmentModule.Environment([], {
    autoescape: false,
    throwOnUndefined: true,
  })
  // These objects must have no prototype, so that `{{ constructor }}` and `select("constructor")` find nothing.
  environment.globals = bare(environment.globals)
  environment.filters = bare(environment.filters)
  environment.tests = bare(environment.tests)
  // `item` is a global rather than a variable, so that included and imported files see it, and loops may use the name.
  Object.defineProperty(environment.globals, 'item', { get: () => current.item })
  const builtin = new Set(Object.keys(environment.filters))
  Object.assign(environment.filters, safeFilters({ ...environment.filters }))
  for (const fn of functions.filter(({ only }) => only !== 'go')) {
    const call = (args: readonly unknown[]) => fn.call(current.get().context, args)
    environment.globals[fn.name] = (...args: readonly unknown[]) => call(args)
    const { filter } = fn
    if (filter === undefined || builtin.has(fn.name)) continue
    environment.addFilter(fn.name, (subject: unknown, ...args: readonly unknown[]) =>
      call(args.toSpliced(filter, 0, subject)),
    )
  }
  return environment
}

export const vocabularyOf = ({ filters, tests }: Environment): Vocabulary => ({
  filters: new Set(Object.keys(filters)),
  tests: new Set(Object.keys(tests)),
  functions: new Set(functions.map(({ name }) => name)),
})

const bare = <T extends object>(record: T): T => Object.assign(Object.create(null), record) as T
