// Reads and writes znodes over the ZooKeeper client of the stores.
import type { JuteWriter } from '../../stores/zookeeper/jute.ts'
import { errorCode, opcode, pathBody, readBody, ZkError } from '../../stores/zookeeper/protocol.ts'
import type { Session } from '../../stores/zookeeper/session.ts'

export interface Znode {
  readonly text: string
  /** Id of the session that owns an ephemeral node; 0 for any other node. */
  readonly owner: bigint
}

const EPHEMERAL = 1
const PERSISTENT = 0
/** Permission bits: READ alone; ALL is READ, WRITE, CREATE, DELETE and ADMIN. */
const [READ, ALL] = [1, 31]

export class ZnodeWriter {
  /** @param isUser whether created nodes belong to our user and are read-only for others */
  constructor(
    private readonly zk: Session,
    private readonly isUser: boolean,
  ) {}

  get session(): bigint {
    return this.zk.identity.id
  }

  /** The ephemeral nodes of this session; undefined on servers before 3.6, which cannot list them. */
  async ephemerals(): Promise<readonly string[] | undefined> {
    try {
      return (await this.zk.request(opcode.getEphemerals, pathBody('/'))).strings()
    } catch (error) {
      if (error instanceof ZkError && error.code === errorCode.unimplemented) return undefined
      throw this.#explained(error)
    }
  }

  /** Returns undefined if the node is missing. Arms a watch that reports to the session's listener. */
  get(path: string): Promise<Znode | undefined> {
    return this.#unless([errorCode.noNode], undefined, async () => {
      const answer = await this.zk.request(opcode.getData, readBody(path, true))
      const text = answer.string()
      return { text, owner: answer.stat().owner }
    })
  }

  /** Creates an ephemeral node and its parents. Returns false if the node exists. */
  async create(path: string, text: string): Promise<boolean> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#unless([errorCode.nodeExists], false, async () => {
          await this.#create(path, text, EPHEMERAL)
          // Arms the watch.
          await this.get(path)
          return true
        })
      } catch (error) {
        if (!(error instanceof ZkError) || error.code !== errorCode.noNode || tries > 0) {
          throw this.#explained(error)
        }
        await this.#makeAbove(path)
      }
    }
  }

  /** Sets the value of a node. Returns false if the node is missing. */
  set(path: string, text: string): Promise<boolean> {
    return this.#unless([errorCode.noNode], false, async () => {
      const body = (writer: JuteWriter) => writer.string(path).string(text).int(-1)
      await this.zk.request(opcode.setData, body)
      await this.get(path)
      return true
    })
  }

  delete(path: string): Promise<void> {
    return this.#unless([errorCode.noNode], undefined, async () => {
      await this.zk.request(opcode.delete, (writer) => writer.string(path).int(-1))
    })
  }

  /** Closes the connection; the session survives until its timeout. */
  leave(): void {
    this.zk.leave()
  }

  /** Ends the session, which removes its nodes. */
  close(): void {
    this.zk.close()
  }

  async #makeAbove(path: string): Promise<void> {
    const parts = path.split('/').slice(1, -1)
    for (let length = 1; length <= parts.length; length++) {
      const above = `/${parts.slice(0, length).join('/')}`
      await this.#unless([errorCode.nodeExists], undefined, () =>
        this.#create(above, '', PERSISTENT),
      )
    }
  }

  async #create(path: string, text: string, flags: number): Promise<void> {
    const rights = this.isUser
      ? ([
          [ALL, 'auth', ''],
          [READ, 'world', 'anyone'],
        ] as const)
      : ([[ALL, 'world', 'anyone']] as const)
    await this.zk.request(opcode.create, (writer) => {
      writer.string(path).string(text).int(rights.length)
      for (const [permissions, scheme, id] of rights) {
        writer.int(permissions).string(scheme).string(id)
      }
      return writer.int(flags)
    })
  }

  async #unless<T>(codes: readonly number[], otherwise: T, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      if (error instanceof ZkError && codes.includes(error.code)) return otherwise
      throw error instanceof ZkError && error.code === errorCode.noNode
        ? error
        : this.#explained(error)
    }
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof ZkError)) return error
    if (error.code === errorCode.noAuth) {
      return this.zk.fault('denies writing', {
        hint: 'set -username and -password-file for a user with write access, or check the ACL with getAcl',
        permanent: true,
      })
    }
    return this.zk.fault(`failed: ${error.message}`)
  }
}
