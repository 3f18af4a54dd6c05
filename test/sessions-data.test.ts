/** The public Claude Code sessions, contexts of 894,371 tokens included, closed loop on a GB200 rack: the shipped scenario runs them all. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { newFolder, shapewise } from './cliRunner.js'

const SESSIONS = fileURLToPath(new URL('../../shared/data/traces/claude-code-weka/sessions.runs.jsonl.gz', import.meta.url))
const present = existsSync(SESSIONS)
if (!present && !process.env.CI) console.warn('skipped: no shared/data beside the repository, so no public sessions to run')

/** Sum of the waits in the trace, s. */
const WAITS_S = 6_834_795.5

it.runIf(present || process.env.CI)('535 sessions with sub-agents, 64 at a time', { timeout: 300_000 }, () => {
  const set = `workload.path=${SESSIONS}`
  const { stdout, stderr } = shapewise(newFolder(), 'run', 'scenarios/agents.yaml', '--set', set, '--format', 'json')
  expect(stderr).toContain('535 sessions with 43 sub-agents')
  const { load, summary } = JSON.parse(stdout)
  expect(load).toBe('64 sessions in flight, in the order of the trace')
  expect(summary.requests).toMatchObject({ injected: 36_895, completed: 36_895, unservable: 0 })
  expect(summary.sessions).toMatchObject({ begun: 535, completed: 535, gave_up: 0, requests_not_sent: 0 })
  // what the trace says of tools and people, each wait once, beside what was served
  const { waiting_share: share } = summary.sessions
  const servedS = (36_895 * summary.metrics.e2e_ms.mean) / 1e3
  expect(((share / (1 - share)) * servedS) / WAITS_S).toBeCloseTo(1, 3)
})
