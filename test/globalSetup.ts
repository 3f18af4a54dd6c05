/** All that the tests write goes into one temporary folder, which goes with them: it would be a thousand folders a run. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export default function oneTemporaryFolder(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'shapewise-tests-'))
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
