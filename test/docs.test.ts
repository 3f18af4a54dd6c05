/** Every command of the README runs, as it stands, in a copy of the project: what it leaves behind is no part of the project. The test run does not run within itself. */
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { newFolder } from './cliRunner.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(`${root}/README.md`, 'utf8')
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((block) => block[1].trim().split('\n'))

/** Commands hand each other traces, recipes, policies and states, so they share it. */
const copy = newFolder()
const LEFT_OUT = ['.git', 'node_modules', 'runs']
for (const name of readdirSync(root))
  if (!LEFT_OUT.includes(name)) cpSync(join(root, name), join(copy, name), { recursive: true, preserveTimestamps: true })
// links to the packages, one by one: an installation in the copy could not reach those of the project
mkdirSync(join(copy, 'node_modules'))
for (const name of readdirSync(join(root, 'node_modules')))
  symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name))
// what is installed and compiled is as fresh as in the project (scripts/ensure.mjs)
const LOCK = join(copy, 'node_modules', '.package-lock.json')
rmSync(LOCK)
writeFileSync(LOCK, readFileSync(join(root, 'node_modules', '.package-lock.json')))
const now = new Date()
utimesSync(join(copy, 'dist', 'bin', 'packed.json'), now, now)

function run(command: string) {
  const [program, name, ...words] = command.split(' ')
  const isOurs = program === 'npx' && name === 'shapewise'
  const call = isOurs ? [process.execPath, join(copy, 'dist/bin/shapewise.js')] : [program, name]
  return spawnSync(call[0], [...call.slice(1), ...words], { cwd: copy, encoding: 'utf8' })
}

describe('README', () => {
  it('has commands', () => expect(commands.length).toBeGreaterThan(5))

  it('npx finds and may run the command of the checkout', { timeout: 60_000 }, () => {
    const { status, stdout, stderr } = spawnSync('npx', ['--no-install', 'shapewise', '--version'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(stderr).not.toMatch(/denied|not found/)
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+/)
    expect(status).toBe(0)
  })

  it('a packing makes the unpacked command executable too: an npx that linked the checkout when it was the entry runs it', () => {
    const main = join(copy, 'dist/cli/main.js')
    chmodSync(main, 0o644)
    const { status, stderr } = spawnSync(process.execPath, [join(copy, 'scripts/bundle.mjs')], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
    accessSync(main, constants.X_OK)
  })

  it.each(commands.filter((command) => command !== 'npm test'))('%s', { timeout: 180_000 }, (command) => {
    const { status, stdout, stderr } = run(command)
    expect(stderr).not.toMatch(/internal error/)
    expect(stdout.length).toBeGreaterThan(0)
    expect(status).toBe(0)
  })
})

it('the sample of README is what the command prints', () => {
  const command = 'npx shapewise run test/fixtures/three-rows.csv'
  const shown = new RegExp(`${command}\\n\`\`\`\\n+\`\`\`\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1].trimEnd().split('\n') ?? []
  expect(shown.length).toBeGreaterThan(5)
  const printed = run(command).stdout.split('\n')
  expect(shown.filter((line) => line !== '…' && !printed.some((whole) => whole.startsWith(line)))).toEqual([])
})

describe('files named in the documents', () => {
  it.each(['README.md', 'ARCHITECTURE.md'])('%s names only what exists', (page) => {
    const text = readFileSync(`${root}/${page}`, 'utf8')
    const named = [...text.matchAll(/`((?:docs|src|scenarios|scripts|test|bench)\/[\w./-]+)`/g)].map((match) => match[1])
    expect(named.filter((path) => !existsSync(`${root}/${path}`))).toEqual([])
  })
})
