// output_format: whether what a template makes is what its reader will parse. The parsers are loaded
// only by those who ask. No message quotes the text: it holds values.
import type { Fault } from '../core/fault.ts'
import type { OutputFormat, TemplateSpec } from '../core/resource.ts'
import { SyntaxFault } from '../core/syntax.ts'

/** Each throws a SyntaxFault. */
const formats: Readonly<
  Record<OutputFormat, () => Promise<{ readonly check: (text: string) => void }>>
> = {
  json: () => import('./formats/json.ts'),
  yaml: () => import('./formats/yaml.ts'),
  toml: () => import('./formats/toml.ts'),
  xml: () => import('./formats/xml.ts'),
}

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
  const { check } = await formats[outputFormat]()
  try {
    check(text)
    return undefined
  } catch (error) {
    // Parsers call themselves for each level of nesting, and the stack has an end.
    if (error instanceof RangeError) return fault('it is nested too deeply')
    if (!(error instanceof SyntaxFault)) throw error
    return fault(`line ${error.line}, column ${error.column}: ${unquoted(error.message)}`)
  }
}

/** Without what a parser repeats of the text, at the end of its message. */
const unquoted = (message: string): string => message.replace(/:\s.*$/s, '')
