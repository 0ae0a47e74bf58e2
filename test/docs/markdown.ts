// Reads Markdown pages for the tests of the documentation: blocks, headings, prose, and notes. Notes are HTML comments
// that tell a test what a human reader would know. docs/contributing.md describes them.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder. */
export const top = fileURLToPath(new URL('../..', import.meta.url))

/** Paths relative to the repository: README.md, docs/*.md, docs/stores/*.md, examples/*\/README.md. */
export const pages: readonly string[] = [
  'README.md',
  ...['docs', 'docs/stores'].flatMap((dir) => listed(dir, '.md').map((name) => `${dir}/${name}`)),
  ...listed('examples', '').map((name) => `examples/${name}/README.md`),
]

function listed(folder: string, extension: string): string[] {
  return readdirSync(join(top, folder))
    .filter((name) => name.endsWith(extension))
    .sort()
}

export const readPage = (page: string): string => readFileSync(join(top, page), 'utf8')

export const noteKinds = [
  'setup',
  'check',
  'expect',
  'not run',
  'runs',
  'file',
  'output of',
  'lines of',
] as const
export type NoteKind = (typeof noteKinds)[number]

/** A comment `<!-- KIND: TEXT -->` on its own lines. */
export interface Note {
  readonly kind: NoteKind
  readonly text: string
  /** Line number, from 1. */
  readonly line: number
}

/** A fenced block. */
export interface Block {
  /** The word after the opening fence; '' if there is none. */
  readonly language: string
  readonly text: string
  /** Number of the first line between the fences, from 1. */
  readonly line: number
  /** The notes directly above the block, in order, without `setup` and `check`. */
  readonly notes: readonly Note[]
}

/**
 * Either a note with commands that the reader does not see, or a block. A `setup` note prepares what the page takes for
 * granted. A `check` note tests what the page promises and is repeated until it succeeds.
 */
export type Part = { readonly hidden: Note } | { readonly block: Block }

/** Returns the parts of a page that tests use, in order. Throws if the page cannot be parsed. */
export function partsOf(page: string, text: string): Part[] {
  const lines = text.split('\n')
  const parts: Part[] = []
  let notes: Note[] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const fence = /^( *)(```+)(\S*)/.exec(line)
    if (fence !== null) {
      const [, indent = '', ticks = '', language = ''] = fence
      const end = lines.findIndex((other, n) => n > at && other.trim() === ticks)
      if (end < 0) throw new Error(`${page}:${at + 1}: this block is never closed`)
      const inside = lines.slice(at + 1, end).map((other) => other.slice(indent.length))
      parts.push({ block: { language, text: inside.join('\n'), line: at + 2, notes } })
      notes = []
      at = end
    } else if (line.startsWith('<!--')) {
      const end = lines.findIndex((other, n) => n >= at && other.endsWith('-->'))
      const note = noteOf(lines.slice(at, end + 1).join('\n'), at + 1)
      if (note?.kind === 'setup' || note?.kind === 'check') parts.push({ hidden: note })
      else if (note !== undefined) notes.push(note)
      at = Math.max(at, end)
    } else if (line.trim() !== '') {
      if (notes[0] !== undefined) throw new Error(`${page}:${notes[0].line}: no block follows`)
      if (/^ {4,}\S/.test(line) && lines[at - 1]?.trim() === '') {
        throw new Error(`${page}:${at + 1}: put this block between fences, with its language`)
      }
    }
  }
  return parts
}

function noteOf(comment: string, line: number): Note | undefined {
  const match = new RegExp(`^<!-- (${noteKinds.join('|')}):\\s+([^]*?)\\s*-->$`).exec(comment)
  if (match === null) return undefined
  return { kind: match[1] as NoteKind, text: match[2] ?? '', line }
}

export const blocksOf = (page: string): Block[] =>
  partsOf(page, readPage(page)).flatMap((part) => ('block' in part ? [part.block] : []))

/** Returns the text of the block's note of this kind, or undefined if there is none. */
export const noteIn = (block: Block, kind: NoteKind): string | undefined =>
  block.notes.find((note) => note.kind === kind)?.text

/** Returns a page with empty lines in place of its blocks and comments, so that line numbers stay the same. */
export function prose(text: string): string {
  return text.replace(/^( *)(```+)[^]*?^\1\2 *$|<!--[^]*?-->/gm, (cut) => cut.replace(/[^\n]/g, ''))
}

/** Returns the anchors of a page's headings, as GitHub creates them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of prose(text).matchAll(/^#{1,6} +(.*)$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = words.replace(/[^\p{L}\p{N}\-_ ]/gu, '').replaceAll(' ', '-')
    let unique = anchor
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`
    anchors.add(unique)
  }
  return anchors
}
