/** The bench at smoke size: every shape runs, says what it must, and gives the same records twice. */
import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const bench = () =>
  JSON.parse(
    execFileSync(process.execPath, ['bench/main.mjs', '--smoke', '--format', 'json'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )

it('runs every shape and repeats itself', () => {
  const [first, second] = [bench(), bench()]
  expect(first.shapes.map((shape: { name: string }) => shape.name)).toEqual(['A-static', 'A-shape-aware', 'B', 'C', 'D'])
  for (const [i, shape] of first.shapes.entries()) {
    for (const key of ['requests_per_s', 'output_tokens_per_s', 'events_per_s', 'mean_batch', 'peak_rss_mb'])
      expect(shape[key]).toBeGreaterThan(0)
    expect(shape.hash).toBe(second.shapes[i].hash)
  }
})

it.each(['bench/main.mjs', 'bench/scale.mjs', 'bench/split.mjs', 'scripts/check-policies.mjs'])(
  '%s tells what it takes',
  (script) => {
    const said = (...args: readonly string[]) => spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8' })
    const help = said('--help')
    expect(help).toMatchObject({ status: 0, stderr: '' })
    expect(help.stdout).toMatch(/^npm run \S+/)
    for (const wrong of ['--nonsense', 'word']) {
      const { status, stdout, stderr } = said(wrong)
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr.split('\n')[0]).toContain(wrong)
      expect(stderr).toContain(help.stdout)
      expect(stderr).not.toContain('    at ')
    }
  },
)
