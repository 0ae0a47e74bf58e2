// Draws random lines of prose for somebody else to read and mark: comments, lines of the docs, and messages
// (string literals of src/ that contain words). Prints each with its file and line.
//
//   node scripts/draw.mjs [-n 300] [-seed NUMBER] [-kind comment|doc|message] [PATH...]
//
// PATHs restrict the draw to files below them. The same seed draws the same lines of the same files.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { root } from './prepare.mjs'

const { values, positionals } = parseArgs({
  // Accepts one dash or two, like reconfd's own flags.
  args: process.argv.slice(2).map((arg) => arg.replace(/^-(?=[a-z]{2})/, '--')),
  options: {
    n: { type: 'string', short: 'n', default: '300' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    kind: { type: 'string' },
  },
  allowPositionals: true,
})

/** Whether a string contains at least three words. In a shorter string, there is no wording to judge. */
const isProse = (text) => (text.match(/[A-Za-z]{2,}/g)?.length ?? 0) >= 3

/** @returns {{ kind: string, line: number, text: string }[]} the prose of a page, without code blocks and comments */
function linesOfPage(text) {
  let inside
  return text.split('\n').flatMap((line, i) => {
    const fence = /^ *(```+)/.exec(line)?.[1]
    if (inside === undefined && fence === undefined && !line.startsWith('<!--')) {
      const words = line.trim()
      return isProse(words) ? [{ kind: 'doc', line: i + 1, text: words }] : []
    }
    if (inside === undefined) inside = fence ?? '-->'
    else if (fence === inside) inside = undefined
    if (inside === '-->' && line.endsWith('-->')) inside = undefined
    return []
  })
}

/** @returns the lines of the comments and, if wanted, the literals of a source file */
function linesOfSource(text, path, withMessages) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lineAt = (at) => source.getLineAndCharacterOfPosition(at).line + 1
  const comments = new Map()
  const messages = []
  const visit = (node) => {
    for (const range of [
      ...(ts.getLeadingCommentRanges(text, node.pos) ?? []),
      ...(ts.getTrailingCommentRanges(text, node.end) ?? []),
    ])
      comments.set(range.pos, range)
    const literal = withMessages && wordsOf(node)
    if (literal && isProse(literal) && /[a-z] [a-z]/i.test(literal))
      messages.push({ kind: 'message', line: lineAt(node.getStart(source)), text: literal })
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [
    ...[...comments.values()].flatMap(({ pos, end }) =>
      text
        .slice(pos, end)
        .split('\n')
        .map((line) => line.replace(/^\s*(\/\/|\/?\*+\/?)\s?|\s*\*\/\s*$/g, '').trim())
        .map((line, i) => ({ kind: 'comment', line: lineAt(pos) + i, text: line }))
        .filter((found) => isProse(found.text) && !/eslint|prettier/.test(found.text)),
    ),
    ...messages,
  ]
}

/** The text of a literal, with `...` for values; undefined for other nodes, imports and types. */
function wordsOf(node) {
  if (ts.isImportDeclaration(node.parent ?? node) || ts.isLiteralTypeNode(node.parent ?? node))
    return undefined
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node))
    return oneLine(node.text)
  if (!ts.isTemplateExpression(node)) return undefined
  return oneLine(
    [node.head, ...node.templateSpans.map(({ literal }) => literal)]
      .map(({ text }) => text)
      .join('...'),
  )
}
const oneLine = (text) => text.replace(/\s+/g, ' ').trim()

/** A generator of numbers below 1 (mulberry32). */
function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const SKIPPED = new Set(['node_modules', 'dist', 'build', 'coverage', '.git', '.cache'])
/** All files below a folder, as paths relative to the repository. */
const filesBelow = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(path)
    return entry.isFile() ? [path] : []
  })
const wanted = positionals.map((path) => path.replace(/\/+$/, ''))
const isWanted = (path) =>
  wanted.length === 0 || wanted.some((one) => path === one || path.startsWith(`${one}/`))

const files = filesBelow('').filter(isWanted).sort()
const all = files.flatMap((path) => {
  const read = () => readFileSync(join(root, path), 'utf8')
  const found = path.endsWith('.md')
    ? linesOfPage(read())
    : /\.(ts|mts|mjs)$/.test(path)
      ? linesOfSource(read(), path, path.startsWith('src/'))
      : []
  return found
    .filter(({ kind }) => values.kind === undefined || kind === values.kind)
    .map((line) => ({ path, ...line }))
})

const random = randomOf(Number(values.seed))
const drawn = all
  .map((line) => ({ line, order: random() }))
  .sort((a, b) => a.order - b.order)
  .slice(0, Number(values.n))
  .map(({ line }) => line)
  .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line))
const shown = drawn.map(({ path, line, kind, text }) => `${path}:${line}  ${kind}  ${text}\n`)
process.stdout.write(
  `${drawn.length} of ${all.length} lines, -seed ${values.seed}\n\n${shown.join('')}`,
)
