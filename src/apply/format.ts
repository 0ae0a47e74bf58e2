// Checks that rendered content parses in its output_format. Loads only the parser that is needed. No message quotes
// the content, because the content contains values from the store.
import type { Fault } from '../core/fault.ts'
import type { OutputFormat, TemplateSpec } from '../core/resource.ts'
import { SyntaxFault } from '../core/syntax.ts'

/** Each check throws a SyntaxFault, or a RangeError if the content is nested too deeply. */
const formats: Readonly<
  Record<OutputFormat, () => Promise<{ readonly check: (text: string) => void }>>
> = {
  json: () => import('./formats/json.ts'),
  yaml: () => import('./formats/yaml.ts'),
  toml: () => import('./formats/toml.ts'),
  xml: () => import('./formats/xml.ts'),
}

/** @returns a fault if the content does not parse; undefined if it parses, or if there is no output_format */
export async function checkFormat(
  { outputFormat, dest }: Pick<TemplateSpec, 'outputFormat' | 'dest'>,
  bytes: Uint8Array,
): Promise<Fault | undefined> {
  if (outputFormat === undefined) return undefined
  const name = outputFormat.toUpperCase()
  const fault = (why: string): Fault => ({
    kind: 'template',
    message: `${dest} is not valid ${name}: ${why}`,
    hint: 'correct the template, the keys or output_format; to see the rendered content, run with -noop -diff',
  })
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fault('it is not UTF-8')
  }
  const { check } = await formats[outputFormat]()
  try {
    check(text)
    return undefined
  } catch (error) {
    // A recursive parser has exhausted the stack.
    if (error instanceof RangeError) return fault('it is nested too deeply')
    if (!(error instanceof SyntaxFault)) throw error
    return fault(`line ${error.line}, column ${error.column}: ${unquoted(error.message)}`)
  }
}

/** Removes the part of a parser's message that quotes the text. */
const unquoted = (message: string): string => message.replace(/:\s.*$/s, '')
