// `npm run test:image` is separate from the other tests, because it installs all packages again.
import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['test/packaging/image.try.ts'] } })
