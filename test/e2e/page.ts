// HTTP requests to the status page of a running program.
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { Running, Site } from './support.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** Like `fetch`, but also sends a Host header, which `fetch` does not allow. */
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

/** Returns the token that the program has generated. */
export const tokenOf = (site: Site): string =>
  readFileSync(join(site.root, 'state/http-token'), 'utf8').trim()
