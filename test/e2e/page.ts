// The status page of a running program, asked as a program would.
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { Running, Site } from './support.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** As `fetch`, which does not let a Host header be set. */
export function ask(
  address: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(address, { method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (data: string) => (text += data))
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      )
    })
    asked.once('error', reject).end()
  })
}

export async function addressOf(daemon: Running): Promise<string> {
  const pattern = /status page at (http:\/\/[^"/]+)\//
  await daemon.until('the page', () => pattern.test(daemon.stderr))
  return pattern.exec(daemon.stderr)?.[1] ?? ''
}

/** The token that the program has made for itself. */
export const tokenOf = (site: Site): string =>
  readFileSync(join(site.root, 'state/http-token'), 'utf8').trim()
