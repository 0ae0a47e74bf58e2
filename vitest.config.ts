// Configures Vitest. Every test file runs in its own process, because many of them start servers and commands.
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take half a minute or more. They start first, because a long file that starts last would run alone at the end. */
const LONG = [
  'engine/interleavings',
  'e2e/exec-servers',
  'contract/lying',
  'docs/commands',
  'e2e/register',
  'contract/etcdv2',
  'e2e/linear',
  'contract/zookeeper',
  'contract/etcdv3',
  'packaging/build',
  'faults/generated',
  'cases/cases',
]

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number =>
      LONG.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
    const isLong = (file: TestSpecification): boolean => rank(file) >= 0
    const long = files.filter(isLong).sort((a, b) => rank(a) - rank(b))
    const others = await super.sort(files.filter((file) => !isLong(file)))
    return [...long, ...others]
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    sequence: { sequencer: LongFirst },
    // Each file may run its own etcd or Consul, and many files spend half of their time waiting.
    maxWorkers: 3,
    // These only end a test that hangs. A busy machine may take ten times as long as a quiet one.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 5_000,
  },
})
