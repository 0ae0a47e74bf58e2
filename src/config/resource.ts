// One file of conf.d as a resource: the checks that need more than the table of keys.
import { access, constants, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { unknownPlaceholders } from '../core/command.ts'
import type { Fault } from '../core/fault.ts'
import { joinKeys, toKey, type Key } from '../core/key.ts'
import {
  engineByName,
  engineNames,
  plainReload,
  type EngineName,
  type Resource,
  type TemplateSpec,
} from '../core/resource.ts'
import type { Settings } from '../core/settings.ts'
import { nearest } from './nearest.ts'
import type { OwnerKind, ResolveOwner } from './owners.ts'
import type { TomlPath } from './positions.ts'
import { readTable, templateKeys, type TemplateTable } from './schema.ts'
import type { TomlDocument } from './toml.ts'
import { describeType } from './values.ts'

/** What checks across all resources need of one template, good or not. */
export interface ReadTemplate {
  /** Of the resource. */
  readonly name: string
  readonly document: TomlDocument
  readonly path: TomlPath
  readonly dest: string | undefined
  readonly ownPrefix: string | undefined
  readonly fullPrefix: Key
}

export interface ReadResource {
  /** Absent when there are faults. */
  readonly resource?: Resource
  readonly templates: readonly ReadTemplate[]
  readonly faults: readonly Fault[]
}

/** @param name the path below conf.d: how logs and status call the resource */
export async function readResource(
  name: string,
  document: TomlDocument,
  settings: Settings,
  owners: ResolveOwner,
): Promise<ReadResource> {
  const faults: Fault[] = unknownTables(document)
  const templates: ReadTemplate[] = []
  const specs: TemplateSpec[] = []
  const tables: TemplateTable[] = []
  for (const [path, raw] of templateTables(document, faults)) {
    const table = readTable(document, path, raw, faults)
    const check = new TemplateCheck(document, path, table, settings, owners, faults)
    const spec = await check.spec()
    tables.push(table)
    specs.push(spec)
    templates.push({
      name,
      document,
      path,
      dest: table.dest === undefined ? undefined : spec.dest,
      ownPrefix: table.prefix,
      fullPrefix: spec.prefix,
    })
  }
  if (faults.length > 0) return { templates, faults }
  const resource = {
    name,
    file: document.file,
    templates: specs,
    ...coalescing(tables, settings),
    holdDown: 0,
    reload: plainReload,
  }
  return { resource, templates, faults }
}

/** The tables of `[template]` or `[[template]]` with their paths. */
function templateTables(
  document: TomlDocument,
  faults: Fault[],
): (readonly [TomlPath, Record<string, unknown>])[] {
  const { template } = document.data
  if (template === undefined) {
    const hint = 'a resource begins with [template], then src = "..." and dest = "..."'
    faults.push(document.fault([], 'key', 'there is no [template] table', hint))
    return []
  }
  const found: (readonly [TomlPath, unknown])[] = Array.isArray(template)
    ? template.map((table, i) => [['template', i], table] as const)
    : [[['template'], template]]
  if (found.length === 0) {
    faults.push(document.fault(['template'], 'key', 'template is an empty array'))
  }
  return found.flatMap(([path, table]) => {
    if (describeType(table) === 'a table')
      return [[path, table as Record<string, unknown>] as const]
    const message = `template must be a table, not ${describeType(table)}`
    faults.push(document.fault(path, 'value', message, 'write [template] on a line of its own'))
    return []
  })
}

function unknownTables(document: TomlDocument): Fault[] {
  return Object.keys(document.data).flatMap((key) => {
    if (key === 'template') return []
    let hint = 'a resource holds [template] or several [[template]], and nothing else'
    if (Object.hasOwn(templateKeys, key)) hint = `${key} belongs below [template]`
    else if (nearest(key, ['template']) !== undefined) hint = 'did you mean template?'
    else if (key === 'backend')
      hint = 'a backend of its own for a resource is not supported by reconfd yet'
    return [document.fault([key], 'key', `unknown key ${key}`, hint)]
  })
}

/** One quiet time a resource: of several templates the longest. */
function coalescing(
  tables: readonly TemplateTable[],
  settings: Settings,
): Pick<Resource, 'quiet' | 'quietMax'> {
  const quiets = tables.flatMap((table) => table.debounce ?? [])
  const maxima = tables.flatMap((table) => table.debounce_max ?? [])
  const quiet = quiets.length === 0 ? undefined : Math.max(...quiets)
  const least = quiet ?? settings.quiet
  const quietMax = maxima.length === 0 ? settings.quietMax : Math.max(...maxima)
  return {
    ...(quiet === undefined ? {} : { quiet }),
    // Never below the quiet time, which could then not be kept.
    ...(quietMax === settings.quietMax && quietMax >= least
      ? {}
      : { quietMax: Math.max(quietMax, least) }),
  }
}

/** Checks one table that `readTable` has been over; what is bad is added to `faults`. */
class TemplateCheck {
  constructor(
    private readonly document: TomlDocument,
    private readonly path: TomlPath,
    private readonly table: TemplateTable,
    private readonly settings: Settings,
    private readonly owners: ResolveOwner,
    private readonly faults: Fault[],
  ) {}

  /** Complete only when no fault was added. */
  async spec(): Promise<TemplateSpec> {
    const { table, settings } = this
    const src = join(settings.confdir, 'templates', table.src ?? '')
    const engine = this.#engine()
    if (table.src !== undefined) {
      this.#delimiters(engine ?? engineByName(table.src))
      await this.#template(table.src, src)
    }
    this.#commands()
    const uid = await this.#id('owner', 'uid', 'passwd')
    const gid = await this.#id('group', 'gid', 'group')
    const { line } = this.document.place(this.path)
    return {
      src,
      dest: resolve(table.dest ?? ''),
      prefix: joinKeys(settings.prefix, table.prefix ?? ''),
      keys: (table.keys ?? []).map(toKey),
      ...(engine === undefined ? {} : { engine }),
      ...(table.left_delim === undefined ? {} : { leftDelim: table.left_delim }),
      ...(table.right_delim === undefined ? {} : { rightDelim: table.right_delim }),
      trimBlocks: table.trim_blocks ?? true,
      lstripBlocks: table.lstrip_blocks ?? true,
      ...(table.mode === undefined ? {} : { mode: table.mode }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(table.check_cmd === undefined ? {} : { checkCmd: table.check_cmd }),
      ...(table.reload_cmd === undefined ? {} : { reloadCmd: table.reload_cmd }),
      checkTimeout: table.check_timeout ?? settings.checkTimeout,
      reloadTimeout: table.reload_timeout ?? settings.reloadTimeout,
      followSymlinks: true,
      mkdirs: false,
      line,
    }
  }

  #fault(key: keyof TemplateTable, message: string, hint: string): void {
    this.faults.push(this.document.fault([...this.path, key], 'value', message, hint))
  }

  /** What `engine` says; undefined leaves it to the name of the file. */
  #engine(): EngineName | undefined {
    const { engine } = this.table
    if (engine === undefined) return undefined
    const known = engineNames.find((name) => name === engine)
    if (known === undefined) {
      const hint = `the engines are ${engineNames.map((name) => `"${name}"`).join(' and ')}`
      this.#fault('engine', `unknown engine "${engine}"`, hint)
    }
    return known
  }

  /** Delimiters are those of Go templates; nunjucks' stay as they are. */
  #delimiters(engine: EngineName): void {
    for (const key of ['left_delim', 'right_delim'] as const) {
      if (this.table[key] === undefined || engine === 'go') continue
      const hint = 'leave it out, or say engine = "go" if the template is in Go syntax'
      this.#fault(key, `${key} is for Go templates, and ${this.table.src} is nunjucks`, hint)
    }
  }

  async #template(src: string, file: string): Promise<void> {
    try {
      if (!(await stat(file)).isFile()) {
        this.#fault('src', `template ${src} is not a file`, `it is looked up as ${file}`)
        return
      }
      await access(file, constants.R_OK)
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException
      const missing = code === 'ENOENT' || code === 'ENOTDIR'
      const message = missing
        ? `template ${src} is missing`
        : `template ${src} cannot be read: ${code}`
      this.#fault('src', message, `it is looked up as ${file}`)
    }
  }

  /**
   * In check_cmd any other placeholder is a mistake, since confd reads it as a template too. A
   * reload_cmd is left alone (`docker inspect -f '{{.State}}'`), unless it is a near miss.
   */
  #commands(): void {
    for (const key of ['check_cmd', 'reload_cmd'] as const) {
      for (const text of unknownPlaceholders(this.table[key] ?? '')) {
        const near = nearest(text.replace(/[{}\s.]/g, ''), ['src', 'dest'])
        if (key === 'reload_cmd' && near === undefined) continue
        const hint =
          near === undefined ? 'there are {{.src}} and {{.dest}}' : `did you mean {{.${near}}}?`
        this.#fault(key, `${key} holds the unknown placeholder ${text}`, hint)
      }
    }
  }

  async #id(
    nameKey: 'owner' | 'group',
    idKey: 'uid' | 'gid',
    kind: OwnerKind,
  ): Promise<number | undefined> {
    const name = this.table[nameKey]
    const id = this.table[idKey]
    if (name === undefined) return id
    if (id !== undefined) {
      this.#fault(nameKey, `${nameKey} and ${idKey} are both set`, 'keep one of them')
      return id
    }
    const found = await this.owners(kind, name)
    if (found === undefined) {
      const what = kind === 'passwd' ? 'user' : 'group'
      this.#fault(nameKey, `there is no ${what} ${name} on this machine`, `see getent ${kind}`)
    }
    return found
  }
}
