/** The work of `shapewise claim`: traces, frozen protocol, cells that are not finished yet, the page. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../../errors.js'
import { createCellPool } from '../../executors/cells.js'
import {
  allCells,
  type Cell,
  type CellResult,
  cellKey,
  costOf,
  type Parts,
  type Protocol,
  partsOf,
  protocolOf,
  quickCells,
  SEED,
  type TraceName,
} from '../../experiments/claim/index.js'
import { claimPage } from '../../reports/claim/page.js'
import { demandFolderTakesFiles, makeFolders, writeAtomically } from '../../reports/folder.js'
import { VERSION } from '../../scenario/version.js'
import { traceHash } from '../../traces/hash.js'
import { Interrupted } from '../interrupt.js'
import { printResult, remark } from '../output.js'
import { codeHash } from './codeHash.js'
import { runWithin } from './schedule.js'
import { openStore } from './store.js'
import { defaultTraces, loadTraces } from './traceFiles.js'

export interface ClaimRequest {
  readonly quick: boolean
  readonly freeze: boolean
  readonly resume: boolean
  /** Minutes; null = no end. */
  readonly budgetMin: number | null
  readonly traces: string | null
  readonly out: string
  /** Where the page goes; null = docs/CLAIM.md of the checkout, of a quick run CLAIM.md in `out`. */
  readonly page: string | null
  readonly threads: number
  readonly quiet: boolean
  readonly signal: AbortSignal
}

const PACKAGE = new URL('../../../', import.meta.url)
const FROZEN = fileURLToPath(new URL('data/claim/protocol.json', PACKAGE))
const PAGE = fileURLToPath(new URL('docs/CLAIM.md', PACKAGE))
/** Of a quick run: the first requests of each trace. */
const QUICK_REQUESTS = 4000

/** `cells`: those of the experiment, or of a quick look. */
export async function runClaim(
  request: ClaimRequest,
  cells: readonly Cell[] = request.quick ? quickCells() : allCells(),
): Promise<void> {
  const say = request.quiet ? () => {} : remark
  const protocol = protocolOf()
  if (request.freeze) return freeze(protocol, placeOf(request.page ?? PAGE))
  const frozen = readFrozen()
  const changes = frozen === null ? ['nothing is frozen yet'] : changesOf(frozen, protocol)
  if (changes.length > 0 && !request.quick)
    throw new UserError({
      where: 'data/claim/protocol.json',
      message: `is not what would be run: ${changes.join('; ')}`,
      hint: 'freeze the protocol before the first result: npm run claim -- --freeze, and commit it',
    })

  const traces = await loadTraces(
    request.traces ?? defaultTraces(),
    [...new Set(cells.map(({ trace }) => trace))],
    request.quick ? QUICK_REQUESTS : undefined,
  )
  // a page that cannot be written leaves no folder behind
  const ownPlace = request.page !== null || !request.quick ? placeOf(request.page ?? PAGE) : null
  const store = openStore(request.out, request.resume)
  const page = ownPlace ?? placeOf(join(request.out, 'CLAIM.md'))
  if (!traces.real) say('The public traces are not at hand (--traces DIR): look-alikes take their place.')
  const hashes = new Map([...traces.workloads].map(([name, workload]) => [name, traceHash(workload)]))
  const version = VERSION
  const code = `${version}-${codeHash()}`
  const keyOf = (cell: Cell): string => cellKey(cell, hashes.get(cell.trace) as string, protocol.constants_hash, code)
  const results = new Map<string, CellResult>()
  for (const cell of cells) {
    const known = store.load(keyOf(cell))
    if (known !== null) results.set(cell.id, known)
  }
  if (results.size > 0) say(`${results.size} of ${cells.length} cells were finished before`)
  else if (request.resume) say(`No cell in ${request.out} is of this code, traffic and protocol: all are computed`)
  const open = cells.filter(({ id }) => !results.has(id))
  const parts: Partial<Record<TraceName, Parts>> = {}
  for (const [name, workload] of traces.workloads) parts[name] = partsOf(workload, SEED)

  const { dropped, failed } =
    open.length === 0
      ? { dropped: [], failed: [] }
      : await compute(request, open, parts, say, (cell, result) => {
          store.save(keyOf(cell), result)
          results.set(cell.id, result)
        })
  const text = claimPage({
    protocol,
    frozen: changes.length === 0,
    quick: request.quick,
    version,
    cells,
    results,
    dropped,
    failed: failed.map(({ cell, error }) => ({ id: cell.id, message: error.message })),
    traces: traces.real,
  })
  writeAtomically(page, text, PAGE_HINT)
  printResult(`${results.size} of ${cells.length} cells, ${dropped.length} left out; ${page}\n`)
  // the page is written first: an hour of the other cells is not lost for it
  if (failed.length > 0) throw failed[0].error
}

const PAGE_HINT = 'choose another place with --page'

/** Where the page will be written, tried before an hour of work and not after it. */
function placeOf(page: string): string {
  const path = resolve(page)
  const fail = (message: string) => new UserError({ where: page, message, hint: PAGE_HINT })
  if (existsSync(path) && !statSync(path).isFile()) throw fail('is no file that a page could replace')
  try {
    makeFolders(dirname(path))
  } catch (error) {
    throw fail(`cannot be written: ${(error as Error).message}`)
  }
  demandFolderTakesFiles(dirname(path), PAGE_HINT)
  return path
}

interface Failed {
  readonly cell: Cell
  readonly error: Error
}

async function compute(
  { threads: mostThreads, budgetMin, signal, out }: ClaimRequest,
  cells: readonly Cell[],
  traces: Partial<Record<TraceName, Parts>>,
  say: (text: string) => void,
  done: (cell: Cell, result: CellResult) => void,
): Promise<{ dropped: Cell[]; failed: Failed[] }> {
  const threads = Math.min(mostThreads, cells.length)
  const pool = createCellPool({ traces, seed: SEED }, threads, signal)
  const beganS = performance.now() / 1e3
  const failed: Failed[] = []
  try {
    const dropped = await runWithin({
      items: cells,
      threads,
      cost: costOf,
      budgetS: budgetMin === null ? null : budgetMin * 60,
      nowS: () => performance.now() / 1e3,
      run: async (cell) => {
        let result: CellResult
        try {
          result = await pool.run(cell)
        } catch (error) {
          if (signal.aborted) throw error
          failed.push({ cell, error: error as Error })
          remark(`${cell.id} failed: ${(error as Error).message}`)
          return
        }
        // what cannot be kept ends the work: the other cells would be lost as well
        done(cell, result)
      },
      onDone: ({ id }, { done: count, total, restS }) =>
        say(
          `${count}/${total} ${id}, ${minutes(performance.now() / 1e3 - beganS)} so far${restS === null ? '' : `, about ${minutes(restS)} to go`}`,
        ),
    })
    return { dropped, failed }
  } catch (error) {
    if (signal.aborted) throw new Interrupted(`finished cells are in ${out}; go on with --resume`)
    throw error
  } finally {
    await pool.close()
  }
}

const minutes = (seconds: number): string => (seconds < 90 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`)

/** Writes the protocol, and the page without results: whoever commits both has said beforehand what counts. */
function freeze(protocol: Protocol, page: string): void {
  makeFolders(dirname(FROZEN))
  writeAtomically(FROZEN, `${JSON.stringify(protocol, null, 2)}\n`)
  const nothing = { cells: [], results: new Map(), dropped: [], failed: [], quick: false, traces: true }
  writeAtomically(page, claimPage({ protocol, frozen: true, version: VERSION, ...nothing }))
  printResult(`${FROZEN}: ${protocol.cells} cells, constants ${protocol.constants_hash}\n`)
}

function readFrozen(): Protocol | null {
  if (!existsSync(FROZEN)) return null
  try {
    return JSON.parse(readFileSync(FROZEN, 'utf8'))
  } catch {
    throw new UserError({
      where: FROZEN,
      message: 'is not JSON',
      hint: 'restore it, or write it anew: npm run claim -- --freeze',
    })
  }
}

/** Names of what differs between two protocols. */
const changesOf = (frozen: Protocol, now: Protocol): string[] =>
  (Object.keys(now) as (keyof Protocol)[])
    .filter((key) => frozen[key] !== now[key])
    .map((key) => `${key} is ${now[key]}, frozen was ${frozen[key]}`)
