/** A run says whether the reuse of prefixes is credited. */
import { expect, test } from 'vitest'
import { newFolder, put, shapewise } from './cliRunner.js'

const row = (timestamp: number, ids: readonly number[]) =>
  `${JSON.stringify({ timestamp, input_length: 512 * ids.length + 10, output_length: 4, hash_ids: [...ids, 1000 + timestamp] })}\n`
const TRACE = row(0, [1, 2]) + row(60_001, [1, 2, 3]) + row(120_007, [1, 2, 3])
/** Leading whole blocks of the second and the third prompt. */
const REUSED = 2 * 512 + 3 * 512

test('with ids and no cache it is not, and that is said; with a cache it is', () => {
  const folder = newFolder()
  const file = put(folder, 'trace.jsonl', TRACE)
  const off = shapewise(folder, 'run', file, '--format', 'json')
  expect(off.stderr).toContain('Prefix caching is off (enable_prefix_caching), so the reuse of prefixes is not credited.')
  const cached = ['--set', 'engines.0.enable_prefix_caching=true', '--set', 'engines.0.count=1']
  const on = shapewise(folder, 'run', file, ...cached, '--format', 'json')
  expect(on.stderr).not.toContain('Prefix caching is off')
  const input = 512 * (2 + 3 + 3) + 30
  expect(JSON.parse(on.stdout).summary.prefix_cache.hit_rate).toBeCloseTo(REUSED / input, 4)
})
