/**
 * Sessions of coding agents as WEKA publishes them (AgentX, kv-cache-tester): a document a session, with `requests` that hold prefix ids as `hash_ids`
 * or, shorter, as runs `hash_runs` [first, count, first, count, ...]. Ids are local to the session. Sub-agents are requests of the type `subagent`
 * that hold requests of their own: `t` is their end and `duration_ms` how long they took.
 */

import { UserError } from '../../errors.js'
import { NS_PER_MS, NS_PER_S } from '../../units.js'
import { createDocumentSplitter } from '../json/documents.js'
import { checkedTokens, duration, isObject, type JsonRow, outputCount, parseObject, tokenCount } from '../json/fields.js'
import { RowFault } from '../json/rowFault.js'
import { createLocalBlocks } from '../localBlocks.js'
import { plural } from '../words.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const DEFAULT_BLOCK_TOKENS = 64
const DEEPEST = 8
/** An empty answer ends its step all the same, and the steps after it wait for that: it counts as one token unless `outputs` says otherwise. */
const EMPTY_ANSWER_TOKENS = 1
/** 64 million tokens in blocks of 64; ids are looked up one by one. */
const MOST_BLOCKS = 2 ** 20
const HEAD_KEYS = ['block_size', 'hash_id_scope', 'tool_tokens', 'system_tokens']

export const weka: Format = {
  recognises: ({ keys }) => keys.has('requests') && (keys.has('block_size') || keys.has('hash_id_scope')),
  heeds: ['blockTokens', 'shareSystemPrompt'],
  createReader: wekaReader,
}

/** A line of requests of one agent, of which each waits for the one before it. */
interface Thread {
  /** Row added last, -1 before the first. */
  last: number
  /** Recorded end of the request read last, ns from the session's start; NaN when it is not known. */
  endNs: number
  /** Waits of skipped requests since `last`. */
  extraWaitNs: number
  /** Sub-agents started since `last`: the last row of each, and its recorded end. */
  forks: { readonly row: number; readonly endNs: number }[]
  /** Key and tokens of the tools and the system prompt that open every request. */
  readonly prompt: { readonly key: string; readonly tokens: number }
}

function wekaReader(context: ReaderContext): TraceReader {
  const { path, options, rows, skips } = context
  const blocks = createLocalBlocks()
  const prompts = new Map<string, number[]>()
  const counts = { rows: 0, sessions: 0, subAgents: 0, guessedWaits: 0, sharing: 0, empty: 0 }
  let blockTokens = 0
  let session = -1
  let name = ''
  let position = 0
  let main: Thread | null = null
  /** The keys of the session before its requests. */
  let seen: JsonRow = {}

  /** Requests are read as they come, so what they depend on must stand before them. */
  const refuseLateKeys = (keys: JsonRow, line: number): void => {
    const late = HEAD_KEYS.find((key) => keys[key] !== undefined && seen[key] === undefined)
    if (late === undefined) return
    throw new UserError({
      where: `${path}:${line}`,
      message: `in session ${name} the key ${late} comes after the requests`,
      hint: `put ${HEAD_KEYS.join(', ')} before them`,
    })
  }

  const within = (): string => `request ${position} of session ${name}`
  const begin = (head: JsonRow): void => {
    seen = head
    counts.sessions++
    session++
    position = 0
    name = typeof head.id === 'string' ? head.id : String(counts.sessions)
    blocks.newScope()
    main = newThread(head, 0)
    if (head.hash_id_scope !== undefined && head.hash_id_scope !== 'local')
      throw new RowFault("hash_id_scope is not 'local': ids of other scopes are unknown")
    const size = head.block_size === undefined ? DEFAULT_BLOCK_TOKENS : checkedTokens(head.block_size, 'block_size', 1)
    if (blockTokens === 0) blockTokens = size
    if (size !== blockTokens) throw new RowFault(`block_size is ${size}, but ${blockTokens} in the sessions before`)
  }

  const addRequest = (request: JsonRow, thread: Thread, line: number, isSubAgent: boolean): void => {
    counts.rows++
    position++
    const isl = tokenCount(request, 'in', 1)
    const given = outputCount(request, 'out')
    const runs = runsOf(request, isl)
    const startNs = duration(request, 't', NS_PER_S)
    const wait = waitOf(request, thread, startNs)
    thread.endNs = request.api_time === undefined ? Number.NaN : startNs + duration(request, 'api_time', NS_PER_S)
    const isEmpty = given === 0 && options.outputs === undefined
    if (isEmpty) counts.empty++
    const osl = isEmpty ? EMPTY_ANSWER_TOKENS : context.outputTokens(given, line, within())
    if (osl === 0) {
      thread.extraWaitNs += wait
      return
    }
    const before = thread.last >= 0 ? thread.last : (thread.forks.shift()?.row ?? -1)
    const row = rows.add(before < 0 ? 0 : Number.NaN, isl, osl)
    rows.session.set(row, session)
    rows.parent.set(row, before)
    rows.waitNs.set(row, before < 0 ? 0 : wait + thread.extraWaitNs)
    rows.setClassName(row, isSubAgent ? 'sub-agent' : 'agent')
    for (const fork of thread.forks) rows.joins.set(fork.row, row)
    if (options.shareSystemPrompt) sharePrompt(thread.prompt, runs, isl)
    for (let i = 0; i < runs.length; i += 2) blocks.push(rows, runs[i], runs[i + 1])
    thread.last = row
    thread.extraWaitNs = 0
    thread.forks = []
  }

  /** From the last of the ends that the request waits for to its start; `think_time` counts from the end of the request before alone. */
  const waitOf = (request: JsonRow, thread: Thread, startNs: number): number => {
    const forked = thread.forks.reduce((latest, { endNs }) => Math.max(latest, endNs), Number.NEGATIVE_INFINITY)
    if (thread.forks.length > 0 && !Number.isNaN(forked)) return Math.max(0, startNs - Math.max(forked, thread.endNs || 0))
    if (request.think_time !== undefined) return duration(request, 'think_time', NS_PER_S)
    if (thread.last < 0) return 0
    counts.guessedWaits++
    return Number.isNaN(thread.endNs) ? 0 : Math.max(0, startNs - thread.endNs)
  }

  /** A sub-agent starts when the request before it has ended, and the next request waits for it. */
  const addSubAgent = (agent: JsonRow, parent: Thread, line: number, depth: number): void => {
    if (depth > DEEPEST) throw new RowFault('sub-agents are nested too deep')
    if (!Array.isArray(agent.requests)) throw new RowFault('the sub-agent has no list of requests')
    counts.subAgents++
    const endNs = duration(agent, 't', NS_PER_S)
    const startNs = agent.duration_ms === undefined ? Number.NaN : endNs - duration(agent, 'duration_ms', NS_PER_MS)
    const thread = { ...newThread(agent, startNs), last: parent.last }
    thread.extraWaitNs = Math.max(0, startNs - parent.endNs || 0)
    const first = rows.count
    addAll(agent.requests, thread, line, depth)
    if (thread.last >= first) parent.forks.push({ row: thread.last, endNs })
  }

  const addAll = (requests: readonly unknown[], thread: Thread, line: number, depth: number): void => {
    for (const request of requests) {
      const before = counts.rows
      try {
        if (!isObject(request)) throw new RowFault('the request is no JSON object')
        if (request.type === 'subagent') addSubAgent(request, thread, line, depth + 1)
        else addRequest(request, thread, line, depth > 0)
      } catch (error) {
        if (!(error instanceof RowFault)) throw error
        if (counts.rows === before) counts.rows++
        skips.skip(line, error.reason, within())
      }
    }
  }

  /** The leading blocks of a prompt that other sessions have too stand for theirs. */
  const sharePrompt = ({ key, tokens }: Thread['prompt'], runs: readonly number[], isl: number): void => {
    const whole = Math.floor(Math.min(tokens, isl) / blockTokens)
    const known = prompts.get(key) ?? []
    prompts.set(key, known)
    let place = 0
    for (let i = 0; i < runs.length && place < whole; i += 2) {
      for (let id = runs[i]; id < runs[i] + runs[i + 1] && place < whole; id++, place++) {
        if (place === known.length) known.push(blocks.fresh())
        blocks.alias(id, known[place])
      }
    }
  }

  const guarded = (line: number, work: () => void): void => {
    try {
      work()
    } catch (error) {
      if (!(error instanceof RowFault)) throw error
      counts.rows++
      skips.skip(line, error.reason, `session ${name}`)
      main = null
    }
  }
  const splitter = createDocumentSplitter(path, 'requests', {
    begin: (head, line) => guarded(line, () => begin(parseObject(head))),
    element(text, line) {
      if (main === null) return
      const thread = main
      let request: unknown = null
      try {
        request = parseObject(text)
      } catch (error) {
        if (!(error instanceof RowFault)) throw error
      }
      addAll([request], thread, line, 0)
    },
    end: (whole, line) =>
      guarded(line, () => {
        const keys = parseObject(whole)
        if (!('requests' in keys)) throw new RowFault('the session has no list of requests')
        refuseLateKeys(keys, line)
        main = null
      }),
    broken: (line) =>
      guarded(line, () => {
        throw new RowFault('the session is broken off')
      }),
  })
  return {
    push: splitter.push,
    end: splitter.end,
    rowsRead: () => counts.rows,
    findings: () => ({
      note: 'Sessions of coding agents in the form of WEKA and AgentX, read from a file.',
      blockTokens: blockTokens || DEFAULT_BLOCK_TOKENS,
      notes: [
        `${plural(counts.sessions, 'session', 'sessions')} with ${plural(counts.subAgents, 'sub-agent', 'sub-agents')}; a request is sent when those before it have ended, after its think time. Recorded times of the service are not used.`,
        'When sessions start is not recorded: replay them closed loop, or give a rate of sessions.',
        ...(counts.guessedWaits > 0
          ? [
              `${plural(counts.guessedWaits, 'request has', 'requests have')} no think_time: the wait is from the recorded end before to the recorded start, 0 where that end is missing.`,
            ]
          : []),
        ...(counts.empty > 0
          ? [
              `${plural(counts.empty, 'request has', 'requests have')} an empty answer, which counts as one token; outputs decides otherwise.`,
            ]
          : []),
        options.shareSystemPrompt
          ? `Sessions with equal numbers of tool and system tokens share these: ${prompts.size} different prompts.`
          : 'Prefix ids are per session: sessions share nothing, not even the system prompt.',
      ],
    }),
  }
}

function newThread(head: JsonRow, endNs: number): Thread {
  const tokens = (key: string): number => (typeof head[key] === 'number' && head[key] > 0 ? Math.floor(head[key]) : 0)
  const [tools, system] = [tokens('tool_tokens'), tokens('system_tokens')]
  return { last: -1, endNs, extraWaitNs: 0, forks: [], prompt: { key: `${tools}+${system}`, tokens: tools + system } }
}

/** Prefix ids as runs [first, count, ...]. */
function runsOf(request: JsonRow, isl: number): readonly number[] {
  const { hash_runs: runs, hash_ids: ids } = request
  const isId = (id: unknown): boolean => typeof id === 'number' && Number.isSafeInteger(id) && id >= 0
  if (runs !== undefined) {
    if (!Array.isArray(runs) || runs.length % 2 !== 0 || !runs.every(isId))
      throw new RowFault('hash_runs is not a list of pairs of whole numbers')
    let total = 0
    for (let i = 1; i < runs.length; i += 2) total += runs[i]
    if (total > isl) throw new RowFault('hash_runs are more than the input tokens')
    if (total > MOST_BLOCKS) throw new RowFault(`hash_runs are more than ${MOST_BLOCKS} blocks`)
    for (let i = 0; i < runs.length; i += 2)
      if (!Number.isSafeInteger(runs[i] + runs[i + 1])) throw new RowFault('hash_runs has an id above 2^53')
    return runs
  }
  if (ids === undefined || ids === null) return []
  if (!Array.isArray(ids) || !ids.every(isId)) throw new RowFault('hash_ids is not a list of whole numbers')
  if (ids.length > isl) throw new RowFault('hash_ids are more than the input tokens')
  const found: number[] = []
  for (const id of ids as number[]) {
    const last = found.length - 2
    if (last >= 0 && found[last] + found[last + 1] === id) found[last + 1]++
    else found.push(id, 1)
  }
  return found
}
