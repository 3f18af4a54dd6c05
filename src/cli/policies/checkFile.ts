/** The work of `check`. The search runs in a thread of its own: a policy that never answers is ended, as in a run. */
import { accessSync, constants, lstatSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { UserError, WRITE_REFUSALS } from '../../errors.js'
import { errorFrom, type Failure } from '../../executors/failure.js'
import { isOutOfMemory, OWN_POLICY_HEAP_MB, runWatchedThread } from '../../executors/watchedThread.js'
import { STATIC_ARM } from '../../levers/index.js'
import type { LeverName } from '../../levers/lever.js'
import { isPolicyFile } from '../../levers/own.js'
import { leverOf, readPolicyFile } from '../../policies/index.js'
import { makeFolders, removePartial } from '../../reports/folder.js'
import type { PolicyFault } from '../../testing/check.js'
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
export type Found = Pick<PolicyFault, 'faults'> & Partial<PolicyFault>
/** What the thread answers: a fault, or null; or how it failed. */
export type CheckAnswer = { readonly fault: Found | null } | { readonly failure: Failure }

export async function checkFile(request: CheckRequest): Promise<void> {
  const { policy, runs, seed, out, format } = request
  if (out !== undefined) demandNewFolder(out)
  const lever = leverFor(request)
  const fault = await search({ policy, lever, runs, seed, scenario: request.scenario })
  if (format === 'json') printJson({ policy, lever, runs, seed, fault: fault && jsonOf(fault) })
  if (fault === null) {
    if (format !== 'json')
      printResult(`${policy}: no fault in ${request.scenario ?? `${runs} scenarios of seed ${seed}`} (lever ${lever})`)
    return
  }
  let replay: string | null = null
  try {
    if (out !== undefined && fault.files !== undefined) replay = writeFiles(out, policy, lever, fault.files)
  } finally {
    // a folder that fails at the end does not take the answer with it
    if (format !== 'json') printResult(textOf(request, fault, replay))
  }
  process.exitCode = EXIT_NO
}

const thereAlready = (out: string): UserError =>
  new UserError({ where: `--out ${out}`, message: 'is there already', hint: 'name a new folder' })

const cannotWrite = (out: string, error: unknown): UserError => {
  const { code = '', message } = error as NodeJS.ErrnoException
  return new UserError({
    where: `--out ${out}`,
    message: `cannot be written: ${WRITE_REFUSALS[code] ?? message}`,
    hint: 'name another folder',
  })
}

/** Throws where no new folder can be made, as far as can be seen before the search. A link to nothing is something of the user's too. */
function demandNewFolder(out: string): void {
  const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined
  try {
    if (isThere(out)) throw thereAlready(out)
    let above = dirname(resolve(out))
    while (!isThere(above)) above = dirname(above)
    accessSync(above, constants.W_OK)
  } catch (error) {
    throw error instanceof UserError ? error : cannotWrite(out, error)
  }
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
  const said = leverOf(readPolicyFile(policy, policy), policy)
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
function writeFiles(out: string, policy: string, lever: LeverName, files: PolicyFault['files']): string {
  const folder = resolve(out)
  const fromThere = relative(folder, resolve(policy))
  let made: string | undefined
  try {
    made = makeFolders(folder)
    // somebody else has made it since
    if (made === undefined) throw thereAlready(out)
    for (const { name, text } of files) {
      const there = isPolicyFile(policy)
        ? text.replace(`${lever}: ${JSON.stringify(policy)}`, () => `${lever}: ${JSON.stringify(fromThere)}`)
        : text
      writeFileSync(join(folder, name), there)
    }
  } catch (error) {
    if (made !== undefined) removePartial({ partial: folder, made })
    throw error instanceof UserError ? error : cannotWrite(out, error)
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
