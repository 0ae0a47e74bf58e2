// `npm run test:image`: apart from the other tests, since it installs all packages once more.
import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['test/packaging/image.try.ts'] } })
