/** A trace of more requests than are kept for exact quantiles is read, simulated, summarised and written in bounded memory. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const REQUESTS = 1_200_000
/**
 * Columns of the trace take 20 MB; all records at once would take 150 MB more, and their summary 115 MB. Seen: 301 MB on Node 20, 430 on
 * Node 24, whose young heap may grow further.
 */
const MOST_MB = Number(process.versions.node.split('.')[0]) < 22 ? 420 : 520

test('1.2 million requests in bounded memory', () => {
  const script = fileURLToPath(new URL('../bench/scale.mjs', import.meta.url))
  const line = execFileSync(process.execPath, [script, '--requests', String(REQUESTS)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const result = JSON.parse(line)
  console.info(`${REQUESTS} requests: ${result.wall_s} s, ${result.peak_rss_mb} MB`)
  expect(result).toMatchObject({ requests: REQUESTS, completed: REQUESTS, quantiles: 'within 0.05 %' })
  expect(result.peak_rss_mb).toBeLessThan(MOST_MB)
})
