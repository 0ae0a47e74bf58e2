// The common part of lying servers that use their own protocol over TCP.
import { createServer, type Socket } from 'node:net'
import type { Key } from '../../../src/core/key.ts'
import type { LyingServer, Place } from './protocol.ts'

export abstract class LyingTcp<L> implements LyingServer<L> {
  node = ''
  protected lying: { readonly lie: L; readonly place: Place } | undefined
  protected readonly open = new Set<Socket>()
  readonly #all: Socket[] = []
  readonly #server = createServer((socket) => {
    this.#all.push(socket)
    this.open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.open.delete(socket))
    this.serve(socket)
  })

  async listen(): Promise<this> {
    await new Promise<void>((listening) => this.#server.listen(0, '127.0.0.1', listening))
    this.node = `127.0.0.1:${(this.#server.address() as { port: number }).port}`
    return this
  }

  get sent(): number {
    return this.#all.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
  }

  lie(lie: L, place: Place): void {
    this.lying = { lie, place }
    this.disturb(lie, place)
  }

  repent(): void {
    this.lying = undefined
    // A false answer must not continue with the truth after the lie has ended.
    this.cut()
  }

  abstract change(): { readonly key: Key; readonly holds: string }

  async close(): Promise<void> {
    this.cut()
    await new Promise((closed) => this.#server.close(closed))
  }

  protected abstract serve(socket: Socket): void

  /** Called when a lie begins, so that connected clients receive the lie. */
  protected disturb(_lie: L, _place: Place): void {
    this.cut()
  }

  protected cut(): void {
    for (const socket of this.open) socket.destroy()
  }
}
