/** The laws have teeth: each planted fault of the fast core is caught by the law that speaks of it, and the intact copy by none. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  cachingScenario,
  movingScenario,
  rolesScenario,
  type Scenario,
  wholeScenario,
  wholeSpanScenario,
} from '../src/testing/arbitraries.js'
import { brokenLaws, outcomeOfFast, withSentinel } from '../src/testing/laws.js'
import { type FastRun, runFast, type Simulate } from '../src/testing/run.js'
import { futureLeaks, idleCacheFaults } from '../src/testing/twins.js'
import { differences, runSlow } from './reference/agree.js'
import { type Damage, damagedCore, within } from './reference/damage.js'

const SCENARIOS = [
  ...fc.sample(wholeScenario.map(withSentinel), { numRuns: 150, seed: 7 }),
  ...fc.sample(cachingScenario, { numRuns: 30, seed: 3 }),
  // a block that its host should have let go of is rarely asked for again
  ...fc.sample(cachingScenario, { numRuns: 120, seed: 8 }),
  ...fc.sample(wholeSpanScenario.map(withSentinel), { numRuns: 30, seed: 6 }),
  ...fc.sample(rolesScenario, { numRuns: 30, seed: 4 }),
  // moves to ranks that have cached the prompt are rare
  ...fc.sample(movingScenario, { numRuns: 400, seed: 5 }).filter(({ config }) => config.engines.some((e) => e.prefixCaching)),
]

/** What the reference makes of each scenario, which no damage changes. */
const slow = new Map<Scenario, ReturnType<typeof runSlow>>()

function disagreement(scenario: Scenario, run: FastRun): string[] {
  const reference = slow.get(scenario) ?? runSlow(scenario)
  slow.set(scenario, reference)
  return differences(run, reference).length > 0 ? ['LAW-15 the simulators differ'] : []
}

/** Laws that take further runs, or another simulator; all others are read off one run. */
const APART: Readonly<Record<string, (scenario: Scenario, run: FastRun, simulate: Simulate) => string[]>> = {
  'LAW-9': (scenario, _, simulate) => futureLeaks(scenario, simulate),
  'LAW-15': disagreement,
  'LAW-25': (scenario, _, simulate) => idleCacheFaults(scenario, simulate),
}

/** What is found in one scenario where `wanted` is looked for, null: all laws; a run that throws is caught by no law. */
function faultsOf(scenario: Scenario, simulate: Simulate, wanted: string | null): string[] {
  const run = runFast(scenario, simulate)
  const isApart = wanted !== null && wanted in APART
  const apart = Object.entries(APART).filter(([law]) => wanted === null || law === wanted)
  return [
    ...(isApart ? [] : brokenLaws(scenario, outcomeOfFast(run))),
    ...apart.flatMap(([, faults]) => faults(scenario, run, simulate)),
  ]
}

/** Of one scenario. A damaged core may run for ever: it is ended, and the next scenario has its turn. */
const MOST_MS = 5000

/** The numbers of the laws that at least one scenario finds broken; the search ends once `wanted` is among them. */
function lawsBroken(simulate: Simulate, wanted: string | null): Set<string> {
  const broken = new Set<string>()
  for (const scenario of SCENARIOS) {
    if (wanted !== null && broken.has(wanted)) break
    try {
      for (const fault of within(MOST_MS, () => faultsOf(scenario, simulate, wanted))) broken.add(fault.split(' ', 1)[0])
    } catch (error) {
      if (!(error instanceof Error)) throw error
      broken.add('threw')
    }
  }
  return broken
}

const FAULTS: readonly (Damage & { readonly title: string; readonly law: string })[] = [
  {
    title: 'a request that lost its patience leaves without a record',
    law: 'LAW-1',
    file: 'simulator/requests.ts',
    from: 'depart(core, slot, nowNs, TIMED_OUT)',
    to: 'giveSlot(s, slot)',
  },
  {
    title: 'the first token is stamped late',
    law: 'LAW-5',
    file: 'simulator/step.ts',
    from: 'if (isFirst) firstTokenNs[slot] = nowNs',
    to: 'if (isFirst) firstTokenNs[slot] = nowNs + 1',
  },
  {
    title: 'a started block is leaked at completion',
    law: 'LAW-4',
    file: 'simulator/blocks.ts',
    from: 'return Math.ceil((s.slots.base[slot] + s.tokenClock[e]) / tokensPerBlock',
    to: 'return Math.floor((s.slots.base[slot] + s.tokenClock[e]) / tokensPerBlock',
  },
  {
    title: 'time before a preemption is forgotten',
    law: 'LAW-2',
    file: 'simulator/schedule.ts',
    from: 'enterPhase(slots, slot, PHASE_STALL, nowNs)',
    to: 'slots.sinceNs[slot] = nowNs',
  },
  {
    title: 'one request too many is admitted',
    law: 'LAW-6',
    file: 'simulator/schedule.ts',
    from: 'running < engine.maxNumSeqs',
    to: 'running <= engine.maxNumSeqs',
  },
  {
    title: 'a step takes a token too many',
    law: 'LAW-6',
    file: 'simulator/schedule.ts',
    from: 'const room = view.maxBatchedTokens - view.decodeTokens',
    to: 'const room = view.maxBatchedTokens - view.decodeTokens + 1',
  },
  {
    title: 'drafts take no room in a step',
    law: 'LAW-6',
    file: 'simulator/schedule.ts',
    from: 'const room = view.maxBatchedTokens - view.decodeTokens',
    to: 'const room = view.maxBatchedTokens - n',
  },
  {
    title: 'arrivals jump the queue',
    law: 'LAW-7',
    file: 'simulator/requests.ts',
    from: 'enqueueTail(s, g, slot)\n  if',
    to: 'enqueueHead(s, g, slot)\n  if',
  },
  {
    title: 'a token is lost at preemption',
    law: 'LAW-11',
    file: 'simulator/decodeSet.ts',
    from: 'slots.osl[slot] - (slots.finishKey[slot] - s.tokenClock[e])',
    to: 'slots.osl[slot] - (slots.finishKey[slot] - s.tokenClock[e]) - 1',
  },
  {
    title: 'the picoseconds of a step are dropped',
    law: 'LAW-8',
    file: 'simulator/stepClock.ts',
    from: 's.clockPs[e] = restPs - wholeNs * 1000',
    to: 's.clockPs[e] = 0',
  },
  {
    title: 'an arrival is served before a step end of the same time',
    law: 'LAW-15',
    file: 'simulator/simulation.ts',
    from: 'if (stepNs === next) {',
    to: 'if (stepNs === next && arrivalNs !== next) {',
  },
  {
    title: 'policies see the output length',
    law: 'LAW-9',
    file: 'simulator/requests.ts',
    from: 'inputTokens = isl',
    to: 'inputTokens = isl + osl',
  },
  {
    title: 'the prefill rank keeps the blocks after the transfer',
    law: 'LAW-4',
    file: 'simulator/transfers.ts',
    from: 'slots.held[slot], slots.sourceShared[slot]',
    to: '0, 0',
  },
  {
    title: 'the first token is delivered before its KV has arrived',
    law: 'LAW-17',
    file: 'simulator/transfers.ts',
    from: 'slots.firstTokenNs[slot] = nowNs',
    to: 'slots.firstTokenNs[slot] = nowNs - core.fabric.latencyNs - 1',
  },
  {
    title: 'a port gives each flow into it the whole rate',
    law: 'LAW-15',
    file: 'simulator/transfers.ts',
    from: 'fromFlows > toFlows ? fromFlows : toFlows',
    to: 'fromFlows',
  },
  {
    title: 'the token clock forgets the fraction of a token',
    law: 'LAW-18',
    file: 'simulator/step.ts',
    from: '(s.clockRest[e] + engine.tokensPer1024Steps) & 1023',
    to: '0',
  },
  {
    title: 'a request is admitted on the blocks of its prompt although its whole life is reserved',
    law: 'LAW-4',
    file: 'simulator/blocks.ts',
    from: ': isl[slot] + osl[slot] + 2 * engine.draftTokens',
    to: ': isl[slot]',
  },
  {
    title: 'the largest gap is the smallest',
    law: 'LAW-20',
    file: 'simulator/gaps.ts',
    from: 'closedNs > openNs',
    to: 'closedNs < openNs',
  },
  {
    title: 'quiet steps all cost what the first of them does',
    law: 'LAW-15',
    file: 'simulator/quiet.ts',
    from: 's.quietGrowthPs[e] = growthPs',
    to: 's.quietGrowthPs[e] = 0',
  },
  {
    title: 'a view shows the KV as it was when the quiet steps were planned',
    law: 'LAW-15',
    file: 'simulator/views.ts',
    from: 'settle(e)\n      const own = baseSum',
    to: 'const own = baseSum',
  },
  {
    title: 'a request is sent at the first of the ends that it waits for',
    law: 'LAW-22',
    file: 'simulator/sessions.ts',
    from: '--chunk.waits[row] > 0',
    to: '(chunk.waits[row] = 0) > 0',
  },
  {
    title: 'the wait of a client is counted twice',
    law: 'LAW-22',
    file: 'simulator/sessions.ts',
    from: 'nowNs + (waitNs === null ? 0 : waitNs[row])',
    to: 'nowNs + (waitNs === null ? 0 : 2 * waitNs[row])',
  },
  {
    title: 'a turn is sent although the one before got no answer',
    law: 'LAW-22',
    file: 'simulator/requests.ts',
    from: 'fate === COMPLETED, core',
    to: 'true, core',
  },
  {
    title: 'those who gave up are not counted',
    law: 'LAW-1',
    file: 'simulator/sessions.ts',
    from: 'sessions.notSent++',
    to: '',
  },
  {
    title: 'the place of a session is given away with its first request',
    law: 'LAW-15',
    file: 'simulator/sessions.ts',
    from: '--first.open[root - first.start] === 0',
    to: 'root === chunk.start + row',
  },
  {
    title: 'the whole prompt may be a hit',
    law: 'LAW-24',
    file: 'simulator/blocks.ts',
    from: '(s.slots.target[slot] - 1) /',
    to: 's.slots.target[slot] /',
  },
  {
    title: 'any block of the first trace block counts as a hit',
    law: 'LAW-24',
    file: 'simulator/blockNodes.ts',
    from: '(first[node] !== id || rank',
    to: '(first[node] % 8 !== id % 8 || rank',
  },
  {
    title: 'hits are computed all the same',
    law: 'LAW-11',
    file: 'simulator/schedule.ts',
    from: 'slots.done[slot] = hit',
    to: 'slots.done[slot] = 0',
  },
  {
    title: 'a block without a holder stays out of the free ones',
    law: 'LAW-25',
    file: 'simulator/blocks.ts',
    from: 'total - shared + s.prefix.release',
    to: 'total - shared + 0 * s.prefix.release',
  },
  {
    title: 'a block is evicted although it has a holder',
    law: 'LAW-15',
    file: 'simulator/prefixCache.ts',
    from: 'if (--holders[node] > 0) continue',
    to: '--holders[node]',
  },
  {
    title: 'a hit does not make a block young',
    law: 'LAW-15',
    file: 'simulator/prefixCache.ts',
    from: 'nodes.link(node, nodes.newest[g], -1)',
    to: 'nodes.link(node, -1, nodes.oldest[g])',
  },
  {
    title: 'an index knows of blocks before its next update',
    law: 'LAW-15',
    file: 'simulator/views.ts',
    from: 'Math.floor(scalars[NOW] / ageNs) * ageNs',
    to: 'scalars[NOW]',
  },
  {
    title: 'what is loaded from a host takes no time',
    law: 'LAW-15',
    file: 'simulator/stepClock.ts',
    from: 'Math.ceil(most * loadPsPerToken)',
    to: '0',
  },
  {
    title: 'what is loaded stays on the host too',
    law: 'LAW-15',
    file: 'simulator/prefixCache.ts',
    from: 'this.host?.take(g, list, this.parts[g], this.stride[g], firstNew, at)',
    to: '',
  },
  {
    title: 'a host drops its youngest blocks',
    law: 'LAW-15',
    file: 'simulator/hostTier.ts',
    from: 'const node = nodes.oldest[g]',
    to: 'const node = nodes.newest[g]',
  },
  {
    title: 'an engine that drains stays in its pool',
    law: 'LAW-32',
    file: 'simulator/roles.ts',
    from: 'filter((e) => state.draining[e] === 0)',
    to: 'filter((e) => state.draining[e] < 2)',
  },
  {
    title: 'KV waits to be fetched from an engine that changes its role',
    law: 'LAW-15',
    file: 'simulator/roles.ts',
    from: 'if (s.freeBlocks[g] < numGpuBlocks) return false',
    to: 'if (s.prefillingCount[g] > 0) return false',
  },
  {
    title: 'the chunk lever is asked although prompts are held',
    law: 'LAW-15',
    file: 'simulator/schedule.ts',
    from: 'source[first] < 0 && !isHeld)',
    to: 'source[first] < 0)',
  },
  {
    title: 'a rank with a full batch counts as having a prompt',
    law: 'LAW-15',
    file: 'simulator/stepView.ts',
    from: ' && placesTaken(s, g) < maxNumSeqs',
    to: '',
  },
  {
    title: 'slack is that of the first rank',
    law: 'LAW-15',
    file: 'simulator/stepView.ts',
    from: 'g < s.rankStart[e + 1]; g++) {',
    to: 'g < s.rankStart[e] + 1; g++) {',
  },
  {
    title: 'a hit on the decode rank is moved all the same',
    law: 'LAW-15',
    file: 'simulator/transfers.ts',
    from: '- slots.shared[slot] * to.blockSize',
    to: '',
  },
  {
    title: 'a rank forgets the blocks of a sequence that leaves it',
    law: 'LAW-4',
    file: 'simulator/migration.ts',
    from: 'slots.held[slot] = decodingBlocks(s, e, engine, slot)',
    to: 'slots.held[slot] = 0',
  },
  {
    title: 'the copy of a move takes no time of its request',
    law: 'LAW-28',
    file: 'simulator/migration.ts',
    from: 'enterPhase(slots, slot, PHASE_STALL, nowNs)',
    to: '',
  },
  {
    title: 'a move is not counted',
    law: 'LAW-28',
    file: 'simulator/migration.ts',
    from: 'slots.migrations[slot]++',
    to: '',
  },
  {
    title: 'hits at the new rank count as bytes moved',
    law: 'LAW-15',
    file: 'simulator/migration.ts',
    from: '(tokens - found * engine.blockSize)',
    to: 'tokens',
  },
  {
    title: 'ranks that take part in a move look as if they did not',
    law: 'LAW-15',
    file: 'simulator/migration.ts',
    from: 's.moving[from] = 1',
    to: '',
  },
  {
    title: 'the queue of an engine keeps the tokens of those that have left it',
    law: 'LAW-15',
    file: 'simulator/assignment.ts',
    from: 's.queuedTokens[queue] -= slots.target[slot]',
    to: '',
  },
  {
    title: 'a spread request lets go of the blocks of its home alone',
    law: 'LAW-4',
    file: 'simulator/spans.ts',
    from: '    s.freeBlocks[r] += total',
    to: '    if (r === g) s.freeBlocks[r] += total',
  },
  {
    title: 'a spread request is admitted when its home has room',
    law: 'LAW-15',
    file: 'simulator/spans.ts',
    from: 'for (let r = first; r < end; r++) if (total',
    to: 'for (let r = g; r < g + 1; r++) if (total',
  },
  {
    title: 'a spread request takes a place at home alone',
    law: 'LAW-15',
    file: 'simulator/spans.ts',
    from: 'if (r !== g) lanes.guests[r]++',
    to: '',
  },
  {
    title: 'every rank attends to whole contexts',
    law: 'LAW-15',
    file: 'simulator/spans.ts',
    from: 'lanes.count[lane] * clock) / (1 << spanClass)',
    to: 'lanes.count[lane] * clock)',
  },
  {
    title: 'the exchanges of spread contexts cost nothing',
    law: 'LAW-15',
    file: 'simulator/spanStep.ts',
    from: 'linksMax === 0 ? 0 : ',
    to: 'linksMax >= 0 ? 0 : ',
  },
  {
    title: 'a guest never gives way',
    law: 'LAW-15',
    file: 'simulator/spanStep.ts',
    from: 'const victim = mostRecent(s, lanes, e, g)',
    to: 'const victim = s.runningTail[g] >= 0 ? s.runningTail[g] : mostRecent(s, lanes, e, g)',
  },
]

test('the intact copy breaks no law', async () => {
  expect([...lawsBroken(await damagedCore(null), null)]).toEqual([])
})

test.each(FAULTS)('$law catches it when $title', async (fault) => {
  expect([...lawsBroken(await damagedCore(fault), fault.law)]).toContain(fault.law)
})

test('a fault that no longer fits the sources is refused', async () => {
  await expect(damagedCore({ file: 'simulator/step.ts', from: 'no such sentence', to: '' })).rejects.toThrow('0 times')
})
