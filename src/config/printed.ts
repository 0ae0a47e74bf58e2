// What `reconfd schema`, `reconfd completion` and `reconfd man` print.
import { VERSION } from '../core/version.ts'
import { completionText, type Shell } from './completion.ts'
import { schemaText, type SchemaKind } from './json-schema.ts'
import { manPage } from './man.ts'

/** @param of one of the operand's choices in commands.ts */
export function printed(what: 'schema' | 'completion' | 'man', of: string): string {
  switch (what) {
    case 'schema':
      return schemaText(of as SchemaKind)
    case 'completion':
      return completionText(of as Shell)
    case 'man':
      return manPage(VERSION)
  }
}
