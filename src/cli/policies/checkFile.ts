/** The work of `check`. The search runs in a thread of its own: a policy that never answers is ended, as in a run. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { UserError } from '../../errors.js'
import { errorFrom, type Failure } from '../../executors/failure.js'
import { isOutOfMemory, OWN_POLICY_HEAP_MB, runWatchedThread } from '../../executors/watchedThread.js'
import { STATIC_ARM } from '../../levers/index.js'
import type { LeverName } from '../../levers/lever.js'
import { isPolicyFile } from '../../levers/own.js'
import { leverOf, readPolicyFile } from '../../policies/index.js'
import { makeFolders } from '../../reports/folder.js'
import type { Fault } from '../../testing/check.js'
import { EXIT_NO } from '../exitCodes.js'
import { printJson, printResult, remark } from '../output.js'

export interface CheckRequest {
  readonly policy: string
  readonly lever?: LeverName
  readonly runs: number
  readonly seed: number
  readonly out?: string
  readonly scenario?: string
  readonly format: string
}

/** What the thread is to do. */
export interface CheckStart {
  readonly policy: string
  readonly lever: LeverName
  readonly runs: number
  readonly seed: number
  readonly scenario?: string
}

/** `scenario` etc. are missing where a given scenario was checked. */
export type Found = Pick<Fault, 'faults'> & Partial<Fault>
/** What the thread answers: a fault, or null; or how it failed. */
export type CheckAnswer = { readonly fault: Found | null } | { readonly failure: Failure }

export async function checkFile(request: CheckRequest): Promise<void> {
  const { policy, runs, seed, out, format } = request
  if (out !== undefined && existsSync(out))
    throw new UserError({ where: `--out ${out}`, message: 'is there already', hint: 'name a new folder' })
  const lever = leverFor(request)
  const fault = await search({ policy, lever, runs, seed, scenario: request.scenario })
  if (format === 'json') printJson({ policy, lever, runs, seed, fault: fault && jsonOf(fault) })
  if (fault === null) {
    if (format !== 'json')
      printResult(`${policy}: no fault in ${request.scenario ?? `${runs} scenarios of seed ${seed}`} (lever ${lever})`)
    return
  }
  const replay = out !== undefined && fault.files !== undefined ? writeFiles(out, policy, lever, fault.files) : null
  if (format !== 'json') printResult(textOf(request, fault, replay))
  process.exitCode = EXIT_NO
}

function leverFor({ policy, lever }: CheckRequest): LeverName {
  if (!isPolicyFile(policy)) {
    if (lever !== undefined) return lever
    throw new UserError({
      where: policy,
      message: 'is not the file of a policy',
      hint: 'give a file that ends in .ts, .mts, .js or .mjs, or --lever with the name of a shipped policy',
    })
  }
  const said = leverOf(readPolicyFile(policy, 'check'), 'check')
  return lever ?? said
}

async function search(wanted: CheckStart): Promise<Found | null> {
  let answer: CheckAnswer | undefined
  try {
    await runWatchedThread<CheckStart, CheckAnswer>({
      module: new URL('./checkThread.js', import.meta.url),
      data: wanted,
      arm: { ...STATIC_ARM, name: 'checked', [wanted.lever]: wanted.policy },
      place: 'in a generated scenario',
      onMessage: (message) => {
        answer = message
      },
    })
  } catch (error) {
    if (!isOutOfMemory(error)) throw error
    return { faults: [`LAW-62 the policy filled ${OWN_POLICY_HEAP_MB} MiB of memory`] }
  }
  return foundIn(answer)
}

function foundIn(answer: CheckAnswer | undefined): Found | null {
  if (answer === undefined) throw new Error('the thread of the check ended without an answer')
  if ('failure' in answer) throw errorFrom(answer.failure)
  return answer.fault
}

/** Writes the scenario; its arm names the policy as seen from there. Returns the path of the scenario. */
function writeFiles(out: string, policy: string, lever: LeverName, files: Fault['files']): string {
  const fromThere = relative(resolve(out), resolve(policy))
  try {
    makeFolders(out)
    for (const { name, text } of files) {
      const there = isPolicyFile(policy)
        ? text.replace(`${lever}: ${JSON.stringify(policy)}`, () => `${lever}: ${JSON.stringify(fromThere)}`)
        : text
      writeFileSync(join(out, name), there)
    }
  } catch (error) {
    rmSync(out, { recursive: true, force: true })
    throw new UserError({
      where: `--out ${out}`,
      message: `cannot be written: ${(error as Error).message}`,
      hint: 'name another folder',
    })
  }
  remark(`scenario: ${join(out, 'scenario.yaml')}`)
  return join(out, 'scenario.yaml')
}

function textOf({ policy }: CheckRequest, { faults, files, runs, seed, scenario }: Found, replay: string | null): string {
  const found = faults.map((fault) => `  ${fault}`).join('\n')
  if (scenario === undefined) return `${policy} breaks a law:\n${found}`
  const head = `${policy} breaks a law, seen after ${runs} scenarios of seed ${seed}:\n${found}\n`
  const size = `smallest scenario found: ${scenario.requests.length} request${scenario.requests.length === 1 ? '' : 's'}`
  if (replay !== null)
    return `${head}${size}\n  shapewise check ${policy} --scenario ${replay}\n  shapewise run ${replay} --arm checked`
  const shown = (files ?? []).map(({ name, text }) => `--- ${name}\n${text}`).join('')
  return `${head}${size} (--out DIR writes it)\n${shown}`
}

const jsonOf = ({ faults, files, runs, seed, scenario }: Found) => ({
  faults,
  files,
  runs_before: runs,
  seed,
  requests: scenario?.requests.length,
})
