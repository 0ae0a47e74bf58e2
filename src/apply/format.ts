// output_format: whether what a template makes is what its reader will parse. The parsers are loaded
// only by those who ask. No message quotes the text: it holds values.
import type { Fault } from '../core/fault.ts'
import type { OutputFormat, TemplateSpec } from '../core/resource.ts'
import { SyntaxFault } from '../core/syntax.ts'

/** Throws a SyntaxFault. */
type Check = (text: string) => Promise<void>

const checks: Readonly<Record<OutputFormat, Check>> = { json, yaml, toml, xml }

/** The fault of a content that is not of its output_format; undefined when it is, or when there is none. */
export async function formatFault(
  { outputFormat, dest }: Pick<TemplateSpec, 'outputFormat' | 'dest'>,
  bytes: Uint8Array,
): Promise<Fault | undefined> {
  if (outputFormat === undefined) return undefined
  const name = outputFormat.toUpperCase()
  const fault = (why: string): Fault => ({
    kind: 'template',
    message: `${dest} would not be ${name}: ${why}`,
    hint: 'Correct the template or the keys, or output_format; -noop -diff shows what would be written.',
  })
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fault('it is not UTF-8')
  }
  try {
    await checks[outputFormat](text)
    return undefined
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    return fault(`line ${error.line}, column ${error.column}: ${error.message}`)
  }
}

async function json(text: string): Promise<void> {
  const { parseJson } = await import('../core/json.ts')
  parseJson(text)
}

/** One document or several. */
async function yaml(text: string): Promise<void> {
  const { parseAllDocuments } = await import('yaml')
  for (const document of parseAllDocuments(text, { prettyErrors: false, logLevel: 'error' })) {
    const [error] = document.errors
    if (error !== undefined) throw SyntaxFault.at(text, error.pos[0], unquoted(error.message))
  }
}

async function toml(text: string): Promise<void> {
  const { parse, TomlError } = await import('smol-toml')
  try {
    parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The message ends in a block of source text.
    const [first = ''] = error.message.split('\n', 1)
    throw new SyntaxFault(first.replace(/^Invalid TOML document: /, ''), error.line, error.column)
  }
}

/** Well-formed, namespaces included. */
async function xml(text: string): Promise<void> {
  const { SaxesParser } = await import('saxes')
  const parser = new SaxesParser({ xmlns: true })
  parser.on('error', (error) => {
    const message = error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '')
    throw new SyntaxFault(unquoted(message), parser.line, parser.column)
  })
  parser.write(text).close()
}

/** Without what a parser repeats of the text, at the end of its message. */
const unquoted = (message: string): string => message.replace(/:\s.*$/s, '')
