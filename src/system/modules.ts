// Loads the program's modules under Node and keeps their compiled code for the next run. Compiling is half of the cost
// of a onetime run. Node 20 has no such cache, and the cache of later versions omits functions compiled during the run.
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

/** The name before the hash: `run` for `run-CgX6A0QZ.cjs.3405691582`. */
const chunkOf = (file: string): string => file.replace(/-[\w-]{8}\.cjs\b.*$/, '')

/** The CommonJS modules of one folder. They require only each other and Node's built-in modules. */
export class Modules {
  readonly #modules = new Map<string, Module>()
  /** Scripts whose compiled code is not in the cache, by file name in the cache. */
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
   * From now on, uses the compiled code in the folder, and adds new code to the folder when the process exits with 0.
   * The code in the folder is executed, so nobody else may write there.
   */
  keepIn(folder: string): void {
    this.#cache = folder
    process.on('exit', (code) => {
      if (code === 0) this.#keep(folder)
    })
  }

  #compile(name: string, filename: string): Script {
    // scripts/build.mjs writes each file as one function expression, in ASCII.
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
        // The other files were compiled by another version of the program or of the runtime.
        for (const other of readdirSync(folder))
          if (chunkOf(other) === chunkOf(name) && other !== name) rmSync(join(folder, other))
      }
    } catch {
      // The disk is full or the folder is missing. The next run compiles these modules again.
    }
  }
}

function builtIn(id: string): unknown {
  const found = process.getBuiltinModule(id)
  if (found === undefined) throw new Error(`no built-in module ${id}`)
  return found
}

/** Compiled code from the cache; undefined if missing or damaged. V8 itself does not detect damage. */
function keptIn(file: string): Buffer | undefined {
  try {
    const whole = readFileSync(file)
    const data = whole.subarray(DIGEST)
    return digest(data).equals(whole.subarray(0, DIGEST)) ? data : undefined
  } catch {
    return undefined
  }
}
