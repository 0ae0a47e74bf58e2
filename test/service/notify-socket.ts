// The service manager's end of the protocol: a Unix datagram socket. Node does not support these sockets, so perl,
// which every Debian has, receives each datagram and prints it in hexadecimal.
import { spawn, type ChildProcess } from 'node:child_process'
import { dirname, join } from 'node:path'
import { leftovers } from '../support/leftovers.ts'
import { removeDir, serverBinary, tempDir } from '../support/process.ts'
import { until } from '../support/until.ts'

const RECEIVE = `use Socket; $| = 1;
  socket(S, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
  my $path = $ARGV[0]; $path =~ s/^@/\\0/;
  bind(S, pack_sockaddr_un($path)) or die "bind: $!";
  print "listening\\n";
  while (defined(recv(S, $datagram, 65536, 0))) { print unpack("H*", $datagram), "\\n" }`

/** The variables set by one datagram. */
export type Told = Readonly<Record<string, string>>

/** Returns environment variables for the daemon, with a PATH that contains systemd-notify. */
export function programs(): Readonly<Record<string, string>> {
  const { path, env } = serverBinary('systemd-notify')
  return { ...env, PATH: `${dirname(path)}:${process.env['PATH']}` }
}

export class NotifySocket {
  readonly #folder = tempDir('notify')
  readonly #perl: ChildProcess
  #output = ''
  /** The time of the last datagram, from `performance.now()`. */
  lastAt = 0

  /** The value of NOTIFY_SOCKET. */
  readonly address: string

  /** @param abstract use an abstract address, without a file */
  constructor(abstract = false) {
    const path = join(this.#folder, 'socket')
    this.address = abstract ? `@${path}` : path
    this.#perl = spawn('perl', ['-e', RECEIVE, this.address], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    leftovers.children.add(this.#perl)
    this.#perl.stdout?.on('data', (data: Buffer) => {
      this.#output += data.toString()
      this.lastAt = performance.now()
    })
  }

  async listening(): Promise<void> {
    await until('perl listens', () => this.#output.startsWith('listening\n'))
  }

  /** Returns all messages so far, in order, without the barriers that systemd-notify sends. */
  get told(): readonly Told[] {
    return this.#output
      .split('\n')
      .slice(1, -1)
      .map((line) => toldBy(Buffer.from(line, 'hex').toString()))
      .filter((told) => !('BARRIER' in told))
  }

  /** Returns how many messages set a variable. */
  count(variable: string): number {
    return this.told.filter((told) => variable in told).length
  }

  /** Returns the newest value of a variable. */
  last(variable: string): string | undefined {
    return this.told.findLast((told) => variable in told)?.[variable]
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#perl.once('exit', resolve))
    this.#perl.kill('SIGKILL')
    await gone
    leftovers.children.delete(this.#perl)
    removeDir(this.#folder)
  }
}

const toldBy = (datagram: string): Told =>
  Object.fromEntries(
    datagram.split('\n').map((line) => {
      const at = line.indexOf('=')
      return [line.slice(0, at), line.slice(at + 1)]
    }),
  )

/** Provides a socket to the test and removes it afterwards. */
export async function withNotifySocket(
  use: (socket: NotifySocket) => Promise<void>,
  abstract = false,
): Promise<void> {
  const socket = new NotifySocket(abstract)
  try {
    await socket.listening()
    await use(socket)
  } finally {
    await socket.close()
  }
}
