// The output of `reconfd schema`, `reconfd completion` and `reconfd man`.
import { VERSION } from '../core/version.ts'
import { completionText, type CompletionShell } from './completion.ts'
import { schemaText, type SchemaKind } from './json-schema.ts'
import { manPage } from './man.ts'

/** @param of the command's operand, one of its choices in commands.ts */
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
