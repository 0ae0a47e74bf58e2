// How messages show text that comes from servers.
import { expect, test } from 'vitest'
import { commandFault } from '../../src/apply/command-fault.ts'
import { serverText } from '../../src/stores/server-text.ts'
import { count, objectOf } from '../../src/stores/shape.ts'
import { keepSecret } from '../../src/system/secrets.ts'

const TOKEN = 'fe3b8d40-0ee0-8783-6cc2-ab1aa9bb16c1'
const result = { exitCode: 1, signal: null, timedOut: false, duration: 1, output: '', truncated: 0 }

const shortened: Readonly<Record<string, (text: string) => string>> = {
  'a text of a server': serverText,
  'a name in an answer': (text) => {
    try {
      objectOf(count)({ [text]: 'x' })
    } catch (error) {
      return (error as Error).message
    }
    return ''
  },
  'the output of a command': (text) =>
    String(commandFault('check_cmd', 'x', { ...result, output: text }).frame),
}

test.each(Object.entries(shortened))('%s does not end within a secret', (_, shorten) => {
  keepSecret(TOKEN)
  for (let before = 0; before < 420; before++) {
    expect(shorten(`${'x'.repeat(before)}${TOKEN}${'y'.repeat(400)}`)).not.toContain('fe3b')
  }
})
