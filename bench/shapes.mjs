/**
 * The shapes of the bench: each a cluster, a trace, a number of requests and a rate, to which the clock of the trace is scaled. Where `about` names a
 * mean decode batch of an engine, that rate gives it.
 */
const llama = { system: 'gb200', model: 'llama-3.1-70b', engines: [{ layout: 'TP4', count: 8, max_num_seqs: 256 }] }
const deepseek = { system: 'gb200', model: 'deepseek-r1', engines: [{ layout: 'DEP16', count: 4, max_num_seqs: 128 }] }

export const SHAPES = [
  {
    name: 'A-static',
    about: 'Llama-3.1-70B TP4 x 8, chat, mean batch 40-80',
    cluster: llama,
    preset: 'chat',
    recorded: 'azure',
    requests: 1_000_000,
    ratePerS: 88,
    arm: 'static',
  },
  {
    name: 'A-shape-aware',
    about: 'as A-static, every lever shape-aware',
    cluster: llama,
    preset: 'chat',
    recorded: 'azure',
    requests: 1_000_000,
    ratePerS: 88,
    arm: 'shape-aware',
  },
  {
    name: 'B',
    about: 'as A, mean batch below 4',
    cluster: llama,
    preset: 'chat',
    recorded: 'azure',
    requests: 1_000_000,
    ratePerS: 12,
    arm: 'static',
  },
  {
    name: 'C',
    about: 'long prompts with shared prefixes (not credited), Llama',
    cluster: llama,
    preset: 'agent',
    recorded: 'mooncake',
    requests: 100_000,
    ratePerS: 4,
    arm: 'static',
  },
  {
    name: 'D',
    about: 'DeepSeek-R1 DEP16 x 4, chat',
    cluster: deepseek,
    preset: 'chat',
    recorded: 'azure',
    requests: 500_000,
    ratePerS: 120,
    arm: 'static',
  },
]

/** Requests of a smoke run: enough to go through every part, over in a second. */
export const SMOKE_REQUESTS = 2_000
