// What `reconfd schema` and `reconfd completion` print.
import { completionText, type Shell } from './completion.ts'
import { schemaText, type SchemaKind } from './json-schema.ts'

/** @param of one of the operand's choices in commands.ts */
export const printed = (what: 'schema' | 'completion', of: string): string =>
  what === 'schema' ? schemaText(of as SchemaKind) : completionText(of as Shell)
