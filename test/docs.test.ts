/** Every command of the README runs: the quick ones as they stand, the demo into a folder of its own, the test run not within itself. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { MAIN, newFolder } from './cliRunner.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(`${root}/README.md`, 'utf8')
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((block) => block[1].trim().split('\n'))

/** Traces, recipes, policies and saved states that commands hand to each other. */
const drawn = newFolder()
const inFolder = (word: string): string => word.replace(/(?<=^|=rank:)[\w-]+\.(swt\.gz|yaml|ts|state)(?=$|,)/, `${drawn}/$&`)

function run(command: string) {
  const words = command.split(' ').map(inFolder)
  if (command.startsWith('npx shapewise')) {
    const out = /^npx shapewise (run|ablate) /.test(command) ? ['--out', `${newFolder()}/result`] : []
    return spawnSync(process.execPath, [MAIN, ...words.slice(2), ...out], { cwd: root, encoding: 'utf8' })
  }
  const demo = command === 'npm run demo' ? ['--', '--out', `${newFolder()}/result`] : []
  return spawnSync(words[0], [...words.slice(1), ...demo], { cwd: root, encoding: 'utf8' })
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
