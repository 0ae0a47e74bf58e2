// Checks the parts of a template that the table of keys cannot describe, such as files, stores and owners.
import { join } from 'node:path'
import {
  expandCommand,
  isPlain,
  namesDestination,
  namesFile,
  namesSource,
  PLAIN,
  unknownPlaceholders,
} from '../core/command.ts'
import { attempt, type Fault } from '../core/fault.ts'
import { fixedFolder } from '../core/for-each.ts'
import { joinKeys, storeOf, storeRoot, toKey, type Key } from '../core/key.ts'
import { engineByName, engineNames, type EngineName, type TemplateSpec } from '../core/resource.ts'
import type { Settings } from '../core/settings.ts'
import { readDestination } from './destination.ts'
import { selectionOf, type Selection } from './env-keys.ts'
import { readGuard } from './guard.ts'
import { readHaproxy } from './haproxy.ts'
import { nearest } from './nearest.ts'
import type { OwnerKind, ResolveOwner } from './owners.ts'
import type { TomlPath } from './positions.ts'
import { faultOfStore } from './stores.ts'
import type { OwnStore } from './stores.ts'
import type { templateTableKeys } from './schema.ts'
import type { TableOf } from './table.ts'
import { templateFault } from './template-file.ts'
import type { TomlDocument } from './toml.ts'

export type TemplateTable = TableOf<typeof templateTableKeys>

export interface TemplateContext {
  readonly settings: Settings
  /** The store of the resource's `[backend]`. */
  readonly own: OwnStore | undefined
  readonly owners: ResolveOwner
  /** The resource's allow_empty. */
  readonly allowEmpty: boolean | undefined
  /** Whether a change to the resource reloads the program of exec mode. */
  readonly reloadsProgram: boolean
}

/** Checks a template whose keys `readTable` has already checked one by one. Adds faults to `faults`. */
export class TemplateCheck {
  /** Probable mistakes that do not prevent the run. */
  readonly notices: Fault[] = []

  constructor(
    private readonly document: TomlDocument,
    private readonly path: TomlPath,
    private readonly table: TemplateTable,
    private readonly context: TemplateContext,
    private readonly faults: Fault[],
  ) {}

  /** The result is usable only if no fault was added. */
  async spec(): Promise<TemplateSpec> {
    const { table } = this
    const { settings } = this.context
    const templates = join(settings.confdir, 'templates')
    const src = join(templates, table.src ?? '')
    const engine = this.#engine()
    if (table.src !== undefined) {
      // Custom delimiters make a file with an unknown extension a Go template.
      this.#delimiters(engine ?? engineByName(table.src) ?? 'go')
      const wrong = templateFault(table.src, templates)
      if (wrong !== undefined) this.#fault('src', wrong.message, wrong.hint)
    }
    this.#commands()
    this.#stores()
    const { dest, forEach: pattern } = readDestination(
      table,
      (...fault) => this.#fault(...fault),
      settings.destRoot,
    )
    this.#paths(dest, pattern)
    this.#checked(dest)
    const { reloadsProgram } = this.context
    const haproxy = readHaproxy(this.document, this.path, table, reloadsProgram, this.faults)
    const isRooted = settings.destRoot !== undefined
    // Below -dest-root, files belong to the user that runs reconfd.
    const uid = isRooted ? undefined : await this.#id('owner', 'uid', 'passwd')
    const gid = isRooted ? undefined : await this.#id('group', 'gid', 'group')
    const { forEach, ...selection } = this.#selection(pattern)
    const { allowEmpty = false } = this.context
    const guarded = { ...selection, allowEmpty }
    const guard =
      table.guard && readGuard(this.document, this.path, guarded, table.guard, this.faults)
    return {
      src,
      dest,
      ...selection,
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
      ...(table.output_format === undefined ? {} : { outputFormat: table.output_format }),
      checkTimeout: table.check_timeout ?? settings.checkTimeout,
      reloadTimeout: table.reload_timeout ?? settings.reloadTimeout,
      ...(guard === undefined ? {} : { guard }),
      ...(haproxy === undefined ? {} : { haproxy }),
      ...(forEach === undefined ? {} : { forEach, within: fixedFolder(dest) }),
      followSymlinks: table.follow_symlinks ?? true,
      mkdirs: table.mkdirs ?? isRooted,
      ...(table.adopt === true ? { adopt: true } : {}),
      ...(table.backup === true ? { backup: true } : {}),
    }
  }

  #selection(forEach: Key | undefined): Selection {
    const { table } = this
    const { settings, own } = this.context
    const root = own?.name === undefined ? '/' : storeRoot(own.name)
    const prefix = joinKeys(settings.prefix, table.prefix ?? '')
    const keys = (table.keys ?? []).map(toKey)
    return selectionOf({ prefix, keys, forEach }, root, own?.store ?? settings, settings.stores)
  }

  #fault(key: keyof TemplateTable, message: string, hint: string): void {
    this.faults.push(this.document.fault([...this.path, key], 'value', message, hint))
  }

  /** Returns the engine that the resource sets. Undefined if the name or the content of the file selects the engine. */
  #engine(): EngineName | undefined {
    const { engine } = this.table
    if (engine === undefined) return undefined
    const known = engineNames.find((name) => name === engine)
    if (known === undefined) {
      const hint = `use ${engineNames.map((name) => `"${name}"`).join(' or ')}`
      this.#fault('engine', `unknown engine "${engine}"`, hint)
    }
    return known
  }

  /** Checks that the stores named in keys exist. */
  #stores(): void {
    this.table.keys?.forEach((key, index) => {
      const name = storeOf(key)
      const wrong = name === undefined ? undefined : faultOfStore(name, this.context.settings)
      if (wrong === undefined) return
      const at = [...this.path, 'keys', index]
      this.faults.push(this.document.fault(at, 'value', wrong.message, wrong.hint))
    })
  }

  /** Reports delimiters that are set for a nunjucks template. */
  #delimiters(engine: EngineName): void {
    for (const key of ['left_delim', 'right_delim'] as const) {
      if (this.table[key] === undefined || engine === 'go') continue
      const hint = 'remove it, or set engine = "go" if the template is in Go syntax'
      this.#fault(
        key,
        `${key} is for Go templates, but ${this.table.src} is a nunjucks template`,
        hint,
      )
    }
  }

  /**
   * In check_cmd any unknown placeholder is a fault, since confd expands check_cmd as a template. In reload_cmd only a
   * near miss is a fault, because other programs use the same syntax (`docker inspect -f '{{.State}}'`).
   */
  #commands(): void {
    const { for_each: pattern, reload_cmd: reload, adopt } = this.table
    if (pattern === undefined && adopt !== undefined) {
      const hint = 'remove it: without for_each an existing file is always adopted'
      this.#fault('adopt', 'adopt is for templates with for_each', hint)
    }
    if (pattern !== undefined && reload !== undefined && namesFile(reload)) {
      const hint = 'one reload serves all files of for_each: remove {{.src}} and {{.dest}}'
      this.#fault('reload_cmd', 'reload_cmd names one file, but for_each writes many', hint)
    }
    for (const key of ['check_cmd', 'reload_cmd'] as const) {
      for (const text of unknownPlaceholders(this.table[key] ?? '')) {
        const near = nearest(text.replace(/[{}\s.]/g, ''), ['src', 'dest'])
        if (key === 'reload_cmd' && near === undefined) continue
        const hint =
          near === undefined
            ? 'use only the placeholders {{.src}} and {{.dest}}'
            : `did you mean {{.${near}}}?`
        this.#fault(key, `${key} contains the unknown placeholder ${text}`, hint)
      }
    }
  }

  /** Warns if check_cmd tests the file in place, which still has the previous content. */
  #checked(dest: string): void {
    const { check_cmd: command } = this.table
    if (command === undefined || namesSource(command) || !namesDestination(command, dest)) return
    const message = 'check_cmd reads dest, which still has the previous content at that time'
    const hint = 'use {{.src}} for the new content; to check the file in place, use group_check_cmd'
    this.notices.push(this.document.fault([...this.path, 'check_cmd'], 'value', message, hint))
  }

  /** Checks that check_cmd and reload_cmd can safely contain the paths of the file. */
  #paths(dest: string, forEach: string | undefined): void {
    for (const key of ['check_cmd', 'reload_cmd'] as const) {
      const command = this.table[key]
      if (command === undefined || !namesFile(command)) continue
      if (forEach === undefined) {
        const put = attempt(() => expandCommand(command, { src: dest, dest }))
        if (!put.ok) this.#fault(key, `${key}: ${put.error.message}`, put.error.hint ?? '')
      } else if (!isPlain(fixedFolder(dest))) {
        const hint = `choose a folder whose path consists of ${PLAIN}, and in which no part begins with -`
        this.#fault(
          key,
          `${key} contains the paths of for_each files, but the path of their folder is not safe in a command`,
          hint,
        )
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
      const message = `${nameKey} and ${idKey} are both set; ${idKey} takes precedence, as in confd`
      const place = [...this.path, nameKey]
      this.notices.push(this.document.fault(place, 'value', message, 'keep one of them'))
      return id
    }
    const found = await this.context.owners(kind, name)
    if (found === undefined) {
      const what = kind === 'passwd' ? 'user' : 'group'
      const hint =
        kind === 'passwd'
          ? 'run getent passwd to list all users'
          : 'run getent group to list all groups; to make resources change together, set group above [template]'
      const message = `there is no ${what} ${name} on this machine`
      const fault = this.document.fault([...this.path, nameKey], 'value', message, hint)
      if (this.context.settings.isElsewhere === true) this.notices.push(fault)
      else this.faults.push(fault)
    }
    return found
  }
}
