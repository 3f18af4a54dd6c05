/** The verbs of `trace` that write traffic, as a user types them: what they print, and that every mistake is told with its remedy and nothing is written. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MAIN, newFolder, shapewise } from './cliRunner.js'

const folder = newFolder()
const run = (line: string) => shapewise(folder, ...line.split(' '))
const must = (line: string): string => {
  const { status, stdout, stderr } = run(line)
  expect(`${status} ${stderr}`).toMatch(/^0/)
  return stdout
}

describe('trace synth, sample, split and merge', () => {
  it('write what they say', () => {
    expect(must('trace synth chat chat.swt --requests 2000')).toBe('chat.swt: 2000 requests\n')
    expect(must('trace synth --like chat.swt alike.swt --recipe-out alike.yaml')).toMatch(/Same traffic/)
    const fitted = readFileSync(`${folder}/alike.yaml`, 'utf8')
    expect(fitted).toMatch(/^# The rate changes in/)
    const seed = /^# Of \d+ draws that of seed (\d+) is written/m.exec(fitted)?.[1]
    must(`trace synth alike.yaml redrawn.swt --seed ${seed}`)
    for (const name of ['alike', 'redrawn']) must(`trace convert ${name}.swt ${name}.csv`)
    expect(readFileSync(`${folder}/redrawn.csv`, 'utf8')).toBe(readFileSync(`${folder}/alike.csv`, 'utf8'))
    must('trace synth alike.yaml again.swt')
    expect(JSON.parse(must('trace diff alike.swt again.swt --format json')).verdict).toBe('same')
    expect(must('trace sample chat.swt more.swt --copies 2')).toBe('more.swt: 4000 requests of 2000\n')
    expect(must('trace split chat.swt a.swt b.swt --parts 0.5,0.5')).toMatch(/^a\.swt: \d+ requests\nb\.swt: \d+ requests\n$/)
    expect(must('trace merge a.swt b.swt ab.swt')).toBe('ab.swt: 2000 requests of 2 traces\n')
    expect(must('trace split ab.swt a2.swt b2.swt --by tenant')).toMatch(/a2\.swt: \d+ requests/)
  })

  it('sample to a rate of sessions that begin, however long they last', () => {
    const rows = Array.from({ length: 100 }, (_, i) => [`${i},10,5,${i}`, `${i + 900},20,5,${i}`]).flat()
    writeFileSync(`${folder}/long.csv`, `arrival_s,isl,osl,session\n${rows.map((row) => `${row}\n`).join('')}`)
    expect(must('trace sample long.csv same.swt --rate 1 --keep-ticks')).toBe('same.swt: 200 requests of 200\n')
    writeFileSync(`${folder}/once.csv`, 'arrival_s,isl,osl,session\n0,10,5,a\n0,10,5,b\n0.5,10,5,b\n')
    expect(run('trace sample once.csv x.swt --rate 1').stderr).toMatch(/everything starts at one time, so the trace has no rate/)
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'leave nothing of a file in the middle of which they get %s',
    async (signal) => {
      const place = newFolder()
      const command = spawn(process.execPath, [MAIN, ...'trace synth chat big.swt.gz --requests 600000'.split(' ')], {
        cwd: place,
      })
      let said = ''
      command.stderr.on('data', (text) => {
        said += text
      })
      const watch = setInterval(() => readdirSync(place).length > 0 && command.kill(signal), 2)
      const [code] = await once(command, 'close')
      clearInterval(watch)
      expect(code).toBe(130)
      expect(said).toMatch(/shapewise: interrupted; big\.swt\.gz was not written/)
      expect(readdirSync(place)).toEqual([])
    },
  )

  it('parts of a trace are written all or none', async () => {
    const place = newFolder()
    const split = (line: string) => shapewise(place, 'trace', 'split', 'rag.swt', ...line.split(' '))
    shapewise(place, ...'trace synth rag rag.swt --requests 60'.split(' '))
    writeFileSync(`${place}/old.swt`, 'old')
    // what a format cannot hold is found when the part is written
    expect(split('one.swt two.csv')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^two\.csv {2}the trace has blocks/m),
    })
    expect(split('old.swt two.csv --overwrite').status).toBe(2)
    // so is a name that the file system refuses
    const long = `${'x'.repeat(252)}.swt`
    expect(split(`one.swt.gz ${long}`)).toMatchObject({ status: 2, stderr: expect.stringContaining('name too long') })
    expect(readdirSync(place).sort()).toEqual(['old.swt', 'rag.swt'])
    expect(readFileSync(`${place}/old.swt`, 'utf8')).toBe('old')

    expect(split('one.swt.gz old.swt --overwrite').status).toBe(0)
    expect(readdirSync(place).sort()).toEqual(['old.swt', 'one.swt.gz', 'rag.swt'])
    expect([...readFileSync(`${place}/one.swt.gz`).subarray(0, 2)]).toEqual([0x1f, 0x8b])

    shapewise(place, ...'trace synth chat big.swt --requests 400000'.split(' '))
    const before = readdirSync(place).length
    const command = spawn(process.execPath, [MAIN, ...'trace split big.swt b1.swt.gz b2.swt.gz b3.swt.gz'.split(' ')], {
      cwd: place,
    })
    const watch = setInterval(() => readdirSync(place).length > before + 1 && command.kill('SIGINT'), 2)
    const [code] = await once(command, 'close')
    clearInterval(watch)
    expect([code, readdirSync(place).length]).toEqual([130, before])
  })

  it('files of one name are tenants of different names, even where a number makes them alike', () => {
    const text = 'arrival_s,input_tokens,output_tokens\n0,10,5\n1,20,5\n'
    mkdirSync(`${folder}/other`)
    for (const name of ['a.csv', 'other/a.csv', 'a-2.csv']) writeFileSync(`${folder}/${name}`, text)
    must('trace merge a.csv other/a.csv a-2.csv tenants.csv')
    const tenants = readFileSync(`${folder}/tenants.csv`, 'utf8').match(/\ba(-\d)*\b/g)
    expect(new Set(tenants)).toEqual(new Set(['a', 'a-2', 'a-2-2']))
  })

  it('equal ids are one prefix with --same-ids, whatever comes first in a file', () => {
    const row = (ids: number[]) => `${JSON.stringify({ timestamp: 0, input_length: 1024, output_length: 5, hash_ids: ids })}\n`
    for (const [name, ids] of Object.entries({ p: [1, 2], q: [5000, 5001] })) writeFileSync(`${folder}/${name}.jsonl`, row(ids))
    must('trace merge p.jsonl q.jsonl pq.swt --same-ids')
    expect(JSON.parse(must('trace inspect pq.swt --format json')).hit_rate.ideal).toBe(0)
    const { status, stderr } = run('trace merge pq.swt p.jsonl x.swt --same-ids')
    expect(stderr).toMatch(/pq\.swt {2}a file of the format shapewise has no ids/)
    expect(status).toBe(2)
  })

  it('a rate for all streams keeps their proportions, which --set changes', () => {
    const meanInput = (name: string, ...more: string[]): number => {
      must(`trace synth mixed ${[name, '--requests', '3000', '--rate', '20', ...more].join(' ')}`)
      return JSON.parse(must(`trace inspect ${name} --format json`)).isl.mean
    }
    // turns of chat are short beside those of agents
    expect(meanInput('much.swt', '--set', 'streams.chat.rate_per_s=99')).toBeLessThan(meanInput('even.swt') / 2)
  })

  it('the same seed writes the same bytes', () => {
    must('trace synth agent one.swt --requests 500 --seed 4')
    const bytes = readFileSync(`${folder}/one.swt`)
    must('trace synth agent one.swt --requests 500 --seed 4 --overwrite')
    expect(readFileSync(`${folder}/one.swt`).equals(bytes)).toBe(true)
    must('trace synth agent one.swt --requests 500 --seed 5 --overwrite')
    expect(readFileSync(`${folder}/one.swt`).equals(bytes)).toBe(false)
  })

  const mistakes: [string, RegExp][] = [
    ['trace synth chta x.swt', /there is no preset 'chta'\n {2}hint: did you mean 'chat'/],
    ['trace synth chat', /no file to write is named beside 'chat'/],
    ['trace synth chat x.txt', /the ending does not tell the format to write/],
    ['trace synth chat x.swt --rate fast', /--rate {2}expected a number above 0/],
    ['trace synth chat x.swt --requests 0', /--requests {2}expected a whole number from 1/],
    ['trace synth chat x.swt --set streams.chat.rate=3', /--set streams\.chat\.rate=3 {2}streams\.chat\.rate: unknown key/],
    [
      'trace synth reasoning x.swt --set streams.reasoning.clients.cv={"uniform":[1,2],"max":2}',
      /clients\.cv\.max: unknown key\n {2}hint: remove it: .*docs\/RECIPES\.md says/,
    ],
    [
      'trace synth chat x.swt --set streams.chat.clients={count:5}',
      /zipf: expected .*\n {2}hint: add this key; see docs\/RECIPES\.md/,
    ],
    ['trace synth chat x.swt --set requests=5 --set requests=6', /--set requests=6 {2}gives anew what --set requests=5 gives/],
    [
      'trace synth chat x.swt --requests 10 --set requests=5',
      /--requests {2}says how much is drawn, and so does --set requests=5/,
    ],
    ['trace synth chat x.swt --set strems=null', /--set strems=null {2}strems: unknown key\n {2}hint: did you mean 'streams'/],
    ['trace synth chat x.swt --set requests=', /--set requests= {2}no value\n {2}hint: is a shell variable not set/],
    ['trace synth chat x.swt --requests 10 --set duration_s=5', /and so does --set duration_s=5/],
    [
      'trace synth chat x.swt --rate 7 --set streams.chat.rate_per_s=99',
      /--set streams\.chat\.rate_per_s=99 {2}has no effect with --rate, which gives the rate of the only stream/,
    ],
    ['trace synth chat x.swt --recipe-out r.yaml', /--recipe-out {2}has no effect without --like/],
    ['trace synth chat x.swt --allow-difference', /--allow-difference {2}has no effect without --like/],
    ['trace synth chat x.swt --from azure', /--from {2}has no effect without --like/],
    ['trace synth agent x.csv', /has sessions|blocks, which csv cannot hold/],
    ['trace synth missing.yaml x.swt', /cannot read the recipe/],
    ['trace synth --like missing.csv x.swt', /there is no such trace file/],
    ['trace synth --like three.csv x.swt', /too short/],
    ['trace synth --like three.csv chat x.swt', /one name too many/],
    ['trace synth --like three.csv x.swt --set requests=5', /a fitted recipe is compared as it is/],
    ['trace synth --like rag.swt x.csv --recipe-out r.yaml --allow-difference', /^x\.csv {2}the trace has blocks, which csv/m],
    [
      'trace synth --like three.csv x.swt --recipe-out ./x.swt',
      /--recipe-out \.\/x\.swt {2}would be written to the same place as x\.swt/,
    ],
    ['trace sample three.csv x.swt', /exactly one of --rate, --fraction and --copies, got none/],
    ['trace sample three.csv x.swt --rate 1 --copies 2', /got 2/],
    ['trace sample three.csv x.swt --fraction 2', /--fraction {2}expected a number above 0 and up to 1/],
    ['trace sample three.csv x.swt --copies 9000000', /--copies {2}expected a number above 0 and up to 10000/],
    ['trace sample more.swt x.swt --copies 10000', /x\.swt {2}would have about 40,000,000 requests; 20,000,000 are the most/],
    ['trace split three.csv x.swt', /expected two or more files/],
    ['trace split three.csv x.swt ./x.swt', /\.\/x\.swt {2}would be written to the same place as x\.swt/],
    ['trace split three.csv x.swt y.swt --parts 0.5', /1 shares for 2 files/],
    ['trace split three.csv x.swt y.swt --parts 0.5,0.6', /add up to 1\.1/],
    ['trace split three.csv x.swt y.swt --by tenant', /names no tenants/],
    ['trace split three.csv x.swt three.csv', /exists already/],
    ['trace merge three.csv x.swt', /expected two or more traces/],
  ]
  it.each(mistakes)('%s', (line, message) => {
    if (line.includes('rag.swt')) must('trace synth rag rag.swt --requests 60')
    writeFileSync(`${folder}/three.csv`, 'arrival_s,input_tokens,output_tokens\n0,10,5\n1,20,5\n2,30,5\n')
    const { status, stdout, stderr } = run(line)
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    expect(status).toBe(2)
    for (const name of ['x.swt', 'y.swt', 'x.csv', 'r.yaml']) expect(existsSync(`${folder}/${name}`)).toBe(false)
  })
})
