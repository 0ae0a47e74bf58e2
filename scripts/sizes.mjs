// Size report of `npm run check`: files longer than 250 lines and functions longer than 50. The report never fails the
// check, because some tables and grammars read best in one piece. `--all` lists every such file and function.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { root } from './prepare.mjs'

const FILE_LINES = 250
const FUNCTION_LINES = 50
const SHOWN = 5

/** @returns {{ lines: number, name: string }[]} the files that exceed the bound, largest first */
function longFiles(files) {
  return files
    .map(({ path, text }) => ({ name: path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > FILE_LINES)
    .sort((a, b) => b.lines - a.lines)
}

/** Functions, methods and accessors by name; anonymous ones count towards the function around them. */
function longFunctions(files) {
  const found = []
  for (const { path, text } of files) {
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
    const lineOf = (at) => source.getLineAndCharacterOfPosition(at).line
    const visit = (node) => {
      const named = ts.isFunctionLike(node) && node.body !== undefined && nameOf(node)
      if (named) {
        const lines = lineOf(node.end) - lineOf(node.getStart(source)) + 1
        if (lines > FUNCTION_LINES) found.push({ name: `${path} ${named}`, lines })
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return found.sort((a, b) => b.lines - a.lines)
}

function nameOf(node) {
  if (node.name !== undefined) return node.name.getText()
  const { parent } = node
  return ts.isVariableDeclaration(parent) ? parent.name.getText() : undefined
}

const files = readdirSync(join(root, 'src'), { recursive: true })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => join(root, 'src', path))
  .map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') }))
const total = files.reduce((sum, { text }) => sum + text.split('\n').length - 1, 0)
console.log(`src: ${files.length} files, ${total} lines`)
const all = process.argv.includes('--all')
for (const [what, list] of [
  [`files above ${FILE_LINES} lines`, longFiles(files)],
  [`functions above ${FUNCTION_LINES} lines`, longFunctions(files)],
]) {
  console.log(`${list.length} ${what}`)
  for (const { name, lines } of all ? list : list.slice(0, SHOWN))
    console.log(`  ${lines}  ${name}`)
}
