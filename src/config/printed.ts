// The output of `reconfd schema`, `reconfd completion` and `reconfd man`.
import { VERSION } from '../core/version.ts'
import { completionText, type CompletionShell } from './completion.ts'
import { schemaText, type SchemaKind } from './json-schema.ts'
import { manPage } from './man.ts'

/** Returns the output of a command, whose operand `of` is one of the choices in commands.ts. */
export function printed(what: 'schema' | 'completion' | 'man', of: string): string {
  switch (what) {
    case 'schema':
      return schemaText(of as SchemaKind)
    case 'completion':
      return completionText(of as CompletionShell)
    case 'man':
      return manPage(VERSION)
  }
}
