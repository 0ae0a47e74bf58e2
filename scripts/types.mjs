// Bundles the types of the library into one self-contained file: the exports of src/index.ts with every declaration
// that they need. Each declaration is taken from the text of its module (isolated declarations).
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'

/**
 * Throws if a public type comes from a package, must be inferred, or shares its name with another type.
 * @param {string} entry the path of a module that only re-exports
 * @returns {string} the content of a `.d.ts` file
 */
export function bundleTypes(entry) {
  /** By name: the text of the declaration, and its module. */
  const bundled = new Map()
  const exported = [...moduleAt(entry).imports.keys()]

  const add = (name, path) => {
    const { declarations, imports } = moduleAt(path)
    const declared = declarations.get(name)
    if (declared?.isInferred)
      throw new Error(`${path}: the type of ${name} must be declared explicitly`)
    if (declared === undefined) {
      const from = imports.get(name)
      // Names without a declaration, such as ReadonlyMap, belong to the language.
      if (from === undefined) return
      if (from.name !== name || from.path === undefined)
        throw new Error(
          `${path}: ${name} cannot be bundled: it comes from a package, or under another name`,
        )
      return add(name, from.path)
    }
    const known = bundled.get(name)
    if (known === undefined) {
      bundled.set(name, { path, text: declared.text })
      for (const used of declared.uses) add(used, path)
    } else if (known.path !== path) {
      throw new Error(`${path}: another ${name} is declared in ${known.path}`)
    }
  }

  for (const name of exported) add(name, entry)
  const missing = exported.filter((name) => !bundled.has(name))
  if (missing.length > 0) throw new Error(`${entry}: missing declarations: ${missing.join(', ')}`)
  const texts = [...bundled].map(([name, { text }]) =>
    exported.includes(name) ? text : text.replace(/^export /m, ''),
  )
  return `${texts.join('\n')}\nexport {}\n`
}

const modules = new Map()

function moduleAt(path) {
  const known = modules.get(path) ?? readModule(path)
  modules.set(path, known)
  return known
}

function readModule(path) {
  const { outputText } = ts.transpileDeclaration(readFileSync(path, 'utf8'), {
    fileName: path,
    compilerOptions: { strict: true, target: 'ES2023', module: 'NodeNext' },
  })
  const file = ts.createSourceFile(path, outputText, ts.ScriptTarget.Latest, true)
  const declarations = new Map()
  const imports = new Map()
  for (const statement of file.statements) {
    const { moduleSpecifier: specifier } = statement
    if (specifier !== undefined) {
      const from = specifier.text.startsWith('.') ? join(dirname(path), specifier.text) : undefined
      const clause = statement.exportClause ?? statement.importClause?.namedBindings
      for (const { name, propertyName = name } of clause?.elements ?? [])
        imports.set(name.text, { path: from, name: propertyName.text })
      continue
    }
    for (const { name } of statement.declarationList?.declarations ?? [statement]) {
      if (name === undefined) continue
      const text = `${commentOf(statement, file)}${statement.getText(file)}\n`
      declarations.set(name.text, { text, ...readTypes(statement) })
    }
  }
  return { declarations, imports }
}

/** The documentation of a declaration. */
const commentOf = (statement, file) =>
  (statement.jsDoc ?? []).map((comment) => `${comment.getText(file)}\n`).join('')

/** The types that a declaration uses, and whether one of them must be inferred. */
function readTypes(node) {
  const uses = new Set()
  let isInferred = false
  const visit = (at) => {
    if (at.kind === ts.SyntaxKind.AnyKeyword) isInferred = true
    if (ts.isTypeReferenceNode(at)) uses.add(leftmost(at.typeName))
    if (ts.isExpressionWithTypeArguments(at)) uses.add(leftmost(at.expression))
    if (ts.isTypeQueryNode(at)) uses.add(leftmost(at.exprName))
    ts.forEachChild(at, visit)
  }
  visit(node)
  return { uses, isInferred }
}

const leftmost = (name) =>
  ts.isIdentifier(name) ? name.text : leftmost(name.left ?? name.expression)
