/**
 * Policies that are files of a user's own. The core knows them by their path alone: reading a file is the shell's work, so the shell
 * (policies/) says how such a policy is made, once in every thread.
 */
import type { LeverName } from './lever.js'

/** Makes fresh policies of the file at `path`, `run` as for `createArm`; throws UserError, naming `where`, for a file that holds no policy of this lever. */
export type OpenPolicyFile = (lever: LeverName, path: string, where: string) => (run?: string) => unknown

/** True for what is meant as the path of a file and not as a name of the catalogue. */
export const isPolicyFile = (text: string): boolean => /[/\\]|\.[cm]?[jt]s$/.test(text.trim())

let open: OpenPolicyFile = (_, path, where) => {
  throw new Error(`${where}: ${path} is a file of a policy, and openPolicyFiles() of policies/ was not called in this thread`)
}

export function setPolicyOpener(opener: OpenPolicyFile): void {
  open = opener
}

export const openPolicyFile: OpenPolicyFile = (lever, path, where) => open(lever, path.trim(), where)
