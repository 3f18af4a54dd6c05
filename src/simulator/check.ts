/** Clusters that cannot work are refused when they are made, with the engine and what to change. */
import { UserError } from '../errors.js'
import type { EngineConfig } from './config.js'

export function checkCluster(engines: readonly EngineConfig[]): void {
  if (engines.length === 0)
    throw new UserError({ where: 'engines', message: 'no engine in the plan', hint: 'give at least one engine' })
  for (const engine of engines) {
    checkEngine(engine)
    if (engine.switched !== null) checkSwitched(engine, engine.switched)
  }
  const roles = new Set(engines.map((engine) => engine.role))
  const isCluster = roles.has('aggregated') ? roles.size === 1 : roles.size === 2
  if (!isCluster)
    throw new UserError({
      where: 'engines',
      message: `engines of the roles ${[...roles].join(', ')} do not make a cluster`,
      hint: 'make all of them aggregated, or give at least one prefill and one decode engine and no other',
    })
}

const KEPT = ['ranks', 'gpus', 'maxNumSeqs', 'blockSize', 'numGpuBlocks', 'kvReservation', 'prefixCaching', 'domain'] as const

/** An engine that changes its role keeps its GPUs and memory; drafts and host memory, which one role alone has a use for, are not carried over. */
function checkSwitched(engine: EngineConfig, other: EngineConfig): void {
  checkEngine(other)
  const isPair = [engine.role, other.role].sort().join() === 'decode,prefill'
  const differs = KEPT.filter((key) => engine[key] !== other[key])
  const isPlain = engine.draftTokens + other.draftTokens + engine.hostBlocks + other.hostBlocks === 0
  if (isPair && differs.length === 0 && isPlain) return
  throw new UserError({
    where: `engines.${engine.name}`,
    message: !isPair
      ? `it cannot change from ${engine.role} to ${other.role}`
      : differs.length > 0
        ? `${differs.join(', ')} would differ in its other role`
        : 'drafts and a second tier have no use in one of its roles',
    hint: 'let only engines of the roles prefill and decode switch, without drafts and host memory, all else equal',
  })
}

function checkEngine(engine: EngineConfig): void {
  const { draftTokens, tokensPer1024Steps, maxNumSeqs, maxNumBatchedTokens, numGpuBlocks, blockSize, maxModelLen } = engine
  const where = `engines.${engine.name}`
  if (!(tokensPer1024Steps >= 1024 && tokensPer1024Steps <= 1024 * (draftTokens + 1) && Number.isInteger(tokensPer1024Steps)))
    throw new UserError({
      where,
      message: `${tokensPer1024Steps} tokens in 1024 steps with ${draftTokens} draft tokens`,
      hint: `give a whole number from 1024 to ${1024 * (draftTokens + 1)}`,
    })
  if (engine.hostBlocks > 0 && (engine.role === 'decode' || !engine.prefixCaching))
    throw new UserError({
      where,
      message: `a second tier of ${engine.hostBlocks} blocks has no use ${engine.role === 'decode' ? 'on a decode engine, whose prompts come by transfer' : 'without a prefix cache'}`,
      hint: 'set hostBlocks to 0',
    })
  const lookahead = engine.role === 'prefill' ? 0 : 2 * draftTokens
  if (numGpuBlocks * blockSize < maxModelLen + lookahead)
    throw new UserError({
      where,
      message: `${numGpuBlocks} KV blocks of ${blockSize} tokens cannot hold one request of max_model_len ${maxModelLen}${lookahead > 0 ? ` and ${lookahead} tokens of speculation` : ''}`,
      hint: 'lower max_model_len or give the engine more KV memory',
    })
  if (engine.role !== 'prefill' && maxNumSeqs * (draftTokens + 1) > maxNumBatchedTokens)
    throw new UserError({
      where,
      message: `${maxNumSeqs} sequences of ${draftTokens + 1} tokens a step exceed max_num_batched_tokens ${maxNumBatchedTokens}`,
      hint: 'lower max_num_seqs or the draft tokens, or raise max_num_batched_tokens',
    })
}
