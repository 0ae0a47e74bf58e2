// One file with servers, the HAProxy process that loads it, and the built program that keeps the file up to date.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { Site, type Running } from '../e2e/support.ts'
import { adminSocket, haproxyTemplate, serversBelow } from '../support/haproxy-template.ts'
import { commandOf, Haproxy } from './support.ts'

export class Scene {
  readonly site: Site
  readonly keys: string
  readonly haproxy: Haproxy
  #run: Running | undefined

  constructor(
    readonly release: string,
    private readonly port: number,
    drain = '1s',
  ) {
    this.keys = ''
    const store: string[] = []
    this.site = new Site(store)
    this.site.config('')
    this.keys = this.site.path('keys.json')
    store.push('-backend', 'file', '-file', this.keys, '-poll-interval', '50ms')
    this.haproxy = Haproxy.at(release, this.site.path('haproxy.cfg'), join(this.site.root, 'out'))
    this.site.template('haproxy.cfg', template(this.port, this.haproxy.socket))
    this.site.resource(
      'haproxy.cfg',
      {
        check_cmd: `${commandOf(release)} -c -q -f {{.src}}`,
        reload_cmd: `echo reload >> ${this.site.path('reloads')}; [ ! -e ${this.haproxy.pidFile} ] || ${this.haproxy.confirmedReload}`,
      },
      { haproxy: { socket: this.haproxy.socket, drain } },
    )
  }

  /** Sets the server lines: the text of each line, by the name of the server. */
  set(
    servers: Readonly<Record<string, string>>,
    more: Readonly<Record<string, string>> = {},
  ): void {
    const content = JSON.stringify({ services: { web: servers }, ...more })
    writeFileSync(`${this.keys}.new`, content)
    renameSync(`${this.keys}.new`, this.keys)
  }

  /** Waits until HAProxy has exactly these servers. */
  has(servers: Readonly<Record<string, string>>): Promise<void> {
    return this.haproxy.has(...Object.entries(servers).map(([name, text]) => line(name, text)))
  }

  get reloads(): number {
    return this.site.lines('reloads')
  }

  /**
   * Starts HAProxy without servers, starts reconfd, and then adds these servers. After the reload for these servers,
   * reconfd knows which file HAProxy has loaded.
   */
  async begin(servers: Readonly<Record<string, string>>): Promise<Running> {
    this.set({})
    const first = await this.site.start('-onetime').finished
    expect(first.code, first.stderr).toBe(0)
    await this.haproxy.start()
    this.resume()
    this.set(servers)
    await this.has(servers)
    return this.resume()
  }

  /** Starts reconfd unless it is running. */
  resume(): Running {
    return (this.#run ??= this.site.start('-watch', '-log-level', 'debug', '-http', ':0'))
  }

  /** Kills reconfd. */
  async kill(): Promise<void> {
    const run = this.#run
    this.#run = undefined
    if (run === undefined) return
    process.kill(run.pid, 'SIGKILL')
    await run.finished
  }

  /** Stops reconfd, while HAProxy keeps running. */
  async leave(): Promise<void> {
    await this.#run?.stop()
    this.#run = undefined
  }

  async end(): Promise<void> {
    await this.leave()
    await this.haproxy.stop()
    await this.site.close()
  }
}

const line = (name: string, text: string): string => {
  const [, address = '', weight = '1'] = /^(\S+)(?: weight (\d+))?/.exec(text) ?? []
  return `web/${name} ${address} weight ${weight}${/ disabled/.test(text) ? ' maint' : ''}`
}

const template = (port: number, socket: string): string =>
  haproxyTemplate({
    port,
    global: adminSocket(socket),
    client: '{{ getv("/client", "5s") }}',
    servers: serversBelow('/services/web'),
  })
