import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification, type VitestPluginContext } from 'vitest/node'

/** Without times of an earlier run, as in CI, the largest files begin. These are short and take longest: at the end a thread would wait for them. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => moduleId.includes('policies-shipped')
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

const [tests, src, dist] = ['test', 'src', 'dist'].map((name) => join(import.meta.dirname, name, '/'))
const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/**
 * `npm test` has just compiled what was older than its source (scripts/ensure.mjs): its tests load these modules as Node does, where vitest would
 * transform all of src for every file. They cannot be mocked. `npx vitest` and whatever watches test the sources: never stale, and traces have their lines.
 */
function compiled() {
  let isOnce = false
  return {
    name: 'compiled',
    enforce: 'pre' as const,
    configureVitest({ vitest }: VitestPluginContext) {
      isOnce = process.env.npm_lifecycle_event === 'test' && !vitest.config.watch
    },
    resolveId(source: string, importer?: string) {
      const path = /^(?:\.\.\/)+src\/(.+)\.js$/.exec(source)?.[1]
      // the compiler leaves in dist what was made of a source that is gone
      const isCompiled = isOnce && path && importer?.startsWith(tests) && existsSync(join(src, `${path}.ts`))
      return isCompiled ? join(dist, `${path}.js`) : null
    },
  }
}

export default defineConfig({
  plugins: [compiled()],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/globalSetup.ts'],
    pool: 'threads',
    maxWorkers: 2,
    // for what hangs: the longest test takes 40 s where two cores are quick, and more than twice as long where they are shared
    testTimeout: 600_000,
    hookTimeout: 600_000,
    server: { deps: { external: [new RegExp(`^${literally(dist)}`)] } },
    sequence: { sequencer: LongestFirst },
  },
})
