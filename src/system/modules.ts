// The program's modules under Node: scripts that are loaded one by one, whose compiled code is kept from one run to
// the next. Compiling is half of what a onetime run costs, and neither Node 20 nor the cache of later versions
// keeps the functions that a run has called.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'

interface Module {
  exports: unknown
}

type Body = (
  exports: unknown,
  require: (id: string) => unknown,
  module: Module,
  filename: string,
) => void

const DIGEST = 32
const digest = (data: Buffer): Buffer =>
  process.getBuiltinModule('node:crypto').createHash('sha256').update(data).digest()

/** Of `run-CgX6A0QZ.cjs.3405691582`: what stands before the dash that the hash follows. */
const chunkOf = (file: string): string => file.replace(/-[\w-]{8}\.cjs\b.*$/, '')

/** The modules of one folder, in the format of CommonJS. They require each other, and what Node has built in. */
export class Modules {
  readonly #modules = new Map<string, Module>()
  /** Those whose compiled code is not kept yet, by the name of the file that it goes to. */
  readonly #fresh = new Map<string, Script>()
  #cache: string | undefined

  constructor(private readonly folder: string) {}

  readonly require = (id: string): unknown => {
    if (!id.startsWith('./')) return builtIn(id)
    const known = this.#modules.get(id)
    if (known !== undefined) return known.exports
    const module: Module = { exports: {} }
    this.#modules.set(id, module)
    const filename = join(this.folder, id)
    const run = this.#compile(id.slice(2), filename).runInThisContext() as Body
    run.call(module.exports, module.exports, this.require, module, filename)
    return module.exports
  }

  /**
   * Modules that are loaded from here on are taken from the folder, and put there when the process ends well. What
   * lies there is run.
   */
  keepIn(folder: string): void {
    this.#cache = folder
    process.on('exit', (code) => {
      if (code === 0) this.#keep(folder)
    })
  }

  #compile(name: string, filename: string): Script {
    // scripts/build.mjs makes each file a function, in ASCII.
    const source = readFileSync(filename, 'latin1')
    if (this.#cache === undefined) return new Script(source, { filename })
    const kept = `${name}.${process.getBuiltinModule('node:v8').cachedDataVersionTag()}`
    const cachedData = keptIn(join(this.#cache, kept))
    const script = new Script(source, { filename, ...(cachedData && { cachedData }) })
    if (script.cachedDataRejected !== false) this.#fresh.set(kept, script)
    return script
  }

  #keep(folder: string): void {
    try {
      for (const [name, script] of this.#fresh) {
        const data = script.createCachedData()
        const draft = join(folder, `${name}.${process.pid}`)
        writeFileSync(draft, Buffer.concat([digest(data), data]), { mode: 0o600 })
        renameSync(draft, join(folder, name))
        // Another version, of the program or of the runtime, has left what nobody will use.
        for (const other of readdirSync(folder))
          if (chunkOf(other) === chunkOf(name) && other !== name) rmSync(join(folder, other))
      }
    } catch {
      // A full disk, or a folder that is gone: the next run compiles again.
    }
  }
}

function builtIn(id: string): unknown {
  const found = process.getBuiltinModule(id)
  if (found === undefined) throw new Error(`there is no module ${id}`)
  return found
}

/** Undefined: there is none, or it is damaged, for which the runtime does not look. */
function keptIn(file: string): Buffer | undefined {
  try {
    const whole = readFileSync(file)
    const data = whole.subarray(DIGEST)
    return digest(data).equals(whole.subarray(0, DIGEST)) ? data : undefined
  } catch {
    return undefined
  }
}
