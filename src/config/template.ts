// One template of a resource: the checks that need more than the table of keys.
import { access, constants, stat } from 'node:fs/promises'
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
import type { TomlDocument } from './toml.ts'

export type TemplateTable = TableOf<typeof templateTableKeys>

/** What a template is read in. */
export interface TemplateContext {
  readonly settings: Settings
  /** Of the resource's `[backend]`. */
  readonly own: OwnStore | undefined
  readonly owners: ResolveOwner
  /** What the resource says of it. */
  readonly allowEmpty: boolean | undefined
}

/** Checks one table that `readTable` has been over; what is bad is added to `faults`. */
export class TemplateCheck {
  /** What is most likely a mistake, and works nevertheless. */
  readonly notices: Fault[] = []

  constructor(
    private readonly document: TomlDocument,
    private readonly path: TomlPath,
    private readonly table: TemplateTable,
    private readonly context: TemplateContext,
    private readonly faults: Fault[],
  ) {}

  /** Complete only when no fault was added. */
  async spec(): Promise<TemplateSpec> {
    const { table } = this
    const { settings } = this.context
    const src = join(settings.confdir, 'templates', table.src ?? '')
    const engine = this.#engine()
    if (table.src !== undefined) {
      // Delimiters of its own make a file of any other name a Go template.
      this.#delimiters(engine ?? engineByName(table.src) ?? 'go')
      await this.#template(table.src, src)
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
    const haproxy = readHaproxy(this.document, this.path, table, this.faults)
    const isRooted = settings.destRoot !== undefined
    // Below -dest-root everything belongs to who runs it.
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

  /** What `engine` says; undefined leaves it to the name and the content of the file. */
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

  /** Keys that begin with the name of a store: it has to be there. */
  #stores(): void {
    this.table.keys?.forEach((key, index) => {
      const name = storeOf(key)
      const wrong = name === undefined ? undefined : faultOfStore(name, this.context.settings)
      if (wrong === undefined) return
      const at = [...this.path, 'keys', index]
      this.faults.push(this.document.fault(at, 'value', wrong.message, wrong.hint))
    })
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
    const { for_each: pattern, reload_cmd: reload, adopt } = this.table
    if (pattern === undefined && adopt !== undefined) {
      const hint = 'leave it out: without for_each a file is taken over anyway'
      this.#fault('adopt', 'adopt is for templates with for_each', hint)
    }
    if (pattern !== undefined && reload !== undefined && namesFile(reload)) {
      const hint = 'one reload serves all files of for_each: leave {{.src}} and {{.dest}} out'
      this.#fault('reload_cmd', 'reload_cmd names one file, and for_each makes many', hint)
    }
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

  /** A check of the file that is in place passes for the former content, or for none. */
  #checked(dest: string): void {
    const { check_cmd: command } = this.table
    if (command === undefined || namesSource(command) || !namesDestination(command, dest)) return
    const message = 'check_cmd looks at dest, which still holds the former content when it runs'
    const hint =
      'name the new content as {{.src}}; what has to see it in place is a group_check_cmd'
    this.notices.push(this.document.fault([...this.path, 'check_cmd'], 'value', message, hint))
  }

  /** Whether the paths of the file can be put into the commands that name it. */
  #paths(dest: string, forEach: string | undefined): void {
    for (const key of ['check_cmd', 'reload_cmd'] as const) {
      const command = this.table[key]
      if (command === undefined || !namesFile(command)) continue
      if (forEach === undefined) {
        const put = attempt(() => expandCommand(command, { src: dest, dest }))
        if (!put.ok) this.#fault(key, `${key}: ${put.error.message}`, put.error.hint ?? '')
      } else if (!isPlain(fixedFolder(dest))) {
        const hint = `Paths with a part from a key go into a command only if they hold ${PLAIN} and no part begins with -.`
        this.#fault(key, `${key} names the files of for_each, and their folder is not plain`, hint)
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
      const message = `${nameKey} and ${idKey} are both set; ${idKey} counts, as in confd`
      const place = [...this.path, nameKey]
      this.notices.push(this.document.fault(place, 'value', message, 'keep one of them'))
      return id
    }
    const found = await this.context.owners(kind, name)
    if (found === undefined) {
      const what = kind === 'passwd' ? 'user' : 'group'
      const hint =
        kind === 'passwd'
          ? 'see getent passwd'
          : 'see getent group; resources that change together get a group = above [template]'
      const message = `there is no ${what} ${name} on this machine`
      const fault = this.document.fault([...this.path, nameKey], 'value', message, hint)
      if (this.context.settings.isElsewhere === true) this.notices.push(fault)
      else this.faults.push(fault)
    }
    return found
  }
}
