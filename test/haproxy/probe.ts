// A probe: a server that records what it receives. Tests use it to compare two HAProxy servers that should behave the
// same. The probe listens on all addresses of 127.0.0.0/8. The destination address of a connection identifies the
// HAProxy server that opened it.
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls'
import { readFileSync } from 'node:fs'
import type { CertificateFiles } from '../support/certificates.ts'

const TLS_HANDSHAKE = 0x16
const HTTP2 = 'PRI * HTTP/2'

export class Probe {
  /** The distinct kinds of connections received, by destination address. */
  readonly seen = new Map<string, Set<string>>()
  readonly #server: Server
  readonly #agent: Server
  readonly #tls: TlsServer
  readonly #sockets = new Set<Socket>()

  constructor({ cert, key }: CertificateFiles) {
    this.#tls = createTlsServer({
      cert: readFileSync(cert),
      key: readFileSync(key),
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
      minVersion: 'TLSv1.2',
    })
    this.#tls.on('secureConnection', (socket) => this.#secured(socket))
    this.#tls.on('tlsClientError', () => undefined)
    this.#server = createServer((socket) => this.#connected(socket))
    // In the agent protocol, one line reports the state of the server.
    this.#agent = createServer((socket) => {
      this.#keep(socket)
      this.#note(socket.localAddress, 'agent')
      socket.on('data', (data) =>
        this.#note(socket.localAddress, `agent is sent ${data.toString()}`),
      )
      socket.write('up\n')
    })
  }

  async listen(): Promise<{ readonly port: number; readonly agentPort: number }> {
    const [port, agentPort] = await Promise.all([open(this.#server), open(this.#agent)])
    return { port, agentPort }
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    this.#agent.close()
  }

  #connected(socket: Socket): void {
    this.#keep(socket)
    const address = socket.localAddress
    let text = ''
    socket.on('end', () => {
      if (text === '') this.#note(address, 'connects')
      socket.end()
    })
    socket.on('data', (data: Buffer) => {
      if (text === '' && data[0] === TLS_HANDSHAKE) {
        socket.removeAllListeners('data').removeAllListeners('end')
        socket.pause()
        socket.unshift(data)
        this.#tls.emit('connection', socket)
        return
      }
      text += data.toString('latin1')
      if (text.startsWith(HTTP2)) this.#note(address, HTTP2)
      else if (text.includes('\r\n\r\n')) {
        this.#note(address, plain(text))
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
        socket.end()
      }
    })
  }

  #secured(socket: TLSSocket): void {
    this.#keep(socket)
    const { servername, alpnProtocol } = socket
    const told = {
      servername,
      alpnProtocol,
      protocol: socket.getProtocol(),
      cipher: socket.getCipher().name,
      client: socket.getPeerCertificate().fingerprint256,
      isReused: socket.isSessionReused(),
    }
    this.#note(socket.localAddress, JSON.stringify(told))
    socket.on('data', () => {
      if (alpnProtocol === 'h2') return
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
    })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
  }

  #note(address: string | undefined, what: string): void {
    const known = this.seen.get(address ?? '')
    if (known === undefined) this.seen.set(address ?? '', new Set([what]))
    else known.add(what)
  }
}

/** Returns a request and the bytes before it, without the parts that vary: ports, addresses and the host name. */
const plain = (text: string): string =>
  text
    .replace(/^(host|x-[a-z-]+):.*\r\n/gim, '')
    .replace(/^PROXY .*\r\n/, 'PROXY\r\n')
    // A PROXY header of version 2: the signature, 4 further bytes, two IPv4 addresses and two ports.
    .replace(/^\r\n\r\n\0\r\nQUIT\n[^]{16}/, 'PROXY v2 ')
    .replace(/127\.0\.\d+\.\d+/g, '127.*')

const open = (server: Server): Promise<number> =>
  new Promise((opened, failed) => {
    server.once('error', failed).listen(0, '0.0.0.0', () => {
      opened((server.address() as { port: number }).port)
    })
  })
