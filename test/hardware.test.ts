import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadSystem, SYSTEM_NAMES } from '../src/hardware/load.js'
import { countBeside, enginesThatFit, placeEngines } from '../src/hardware/placement.js'

const gb200 = loadSystem('gb200')

describe('system files', () => {
  test.each(SYSTEM_NAMES)('%s: its trays fill its NVLink domain, and its kernels are its own or marked as another', (name) => {
    const system = loadSystem(name)
    expect(system.name).toBe(name)
    expect(system.traysPerRack.value * system.gpusPerTray.value).toBe(system.nvlinkDomainGpus.value)
    const own = system.kernels.of === name
    expect([system.evidence, system.kernels.factor === 1]).toEqual(own ? ['measured', true] : ['transferred', false])
  })

  test.each(SYSTEM_NAMES)(
    '%s: what was recalled is trusted least, and nothing is trusted without a source that was read',
    (name) => {
      const text = readFileSync(new URL(`../data/systems/${name}.json`, import.meta.url), 'utf8')
      const facts = [...text.matchAll(/"trust": "([ABC])",\s*"source": "([^"]+)"/g)]
      expect(facts.length).toBeGreaterThan(15)
      for (const [, trust, source] of facts) {
        if (source.startsWith('recalled')) expect(trust, source).toBe('C')
        // no data sheet of a node was at hand
        if (source.includes('DGX')) expect(source).toMatch(/^recalled/)
      }
    },
  )

  test('racks have 18 trays of 4 GPUs, nodes 8 GPUs and no Grace CPU', () => {
    expect(SYSTEM_NAMES.map((name) => loadSystem(name).nvlinkDomainGpus.value)).toEqual([72, 72, 8, 8])
    expect(SYSTEM_NAMES.map((name) => loadSystem(name).gracePerTray.value > 0)).toEqual([true, true, false, false])
  })

  test('a node holds two engines of 4 GPUs and none of 16', () => {
    const b200 = loadSystem('b200')
    expect(placeEngines([{ name: 'e', count: 2, gpus: 4 }], 1, b200).placed.map(({ gpus }) => gpus)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ])
    expect(placeEngines([{ name: 'e', count: 1, gpus: 16 }], 4, b200).refused[0].reason).toMatch(
      /more than the 8 of one NVLink domain/,
    )
  })

  test('capacity and network differ between the systems, HBM bandwidth does not', () => {
    const gb300 = loadSystem('gb300')
    expect([gb200.hbmBytes.value, gb300.hbmBytes.value]).toEqual([198674743296, 298013687808])
    expect([gb200.nicBytesPerS.value, gb300.nicBytesPerS.value]).toEqual([50e9, 100e9])
    expect(gb300.hbmBytesPerS.value).toBe(gb200.hbmBytesPerS.value)
  })

  test("a user's file is accepted, and a misspelt key in it is named", () => {
    const folder = mkdtempSync(join(tmpdir(), 'system-'))
    const text = readFileSync(new URL('../data/systems/gb200.json', import.meta.url), 'utf8')
    const good = join(folder, 'mine.json')
    writeFileSync(good, text.replace('"name": "gb200"', '"name": "mine"'))
    expect(loadSystem(good).name).toBe('mine')
    const bad = join(folder, 'bad.json')
    writeFileSync(bad, text.replace('"smsPerGpu"', '"smPerGpu"'))
    expect(() => loadSystem(bad)).toThrow(/smPerGpu/)
  })

  test.each([
    [
      'nicBytesPerS',
      { value: 50, unit: 'GB/s' },
      /nicBytesPerS\.unit: expected 'bytes per second per GPU, each way', got 'GB\/s'/,
    ],
    // 1.8e12 is the sum of both directions
    ['nvlinkBytesPerS', { value: 1.8e12, unit: 'bytes per second per GPU' }, /nvlinkBytesPerS\.unit: expected .*each way/],
    ['hbmBytes', { value: 185, unit: 'GiB per GPU' }, /hbmBytes\.unit: expected 'bytes per GPU', got 'GiB per GPU'/],
    ['gpuWatts', { value: 2.1, unit: 'kW' }, /gpuWatts\.unit: expected 'watts per GPU'/],
  ])('a unit that %s does not have is refused, for nothing is converted', (key, given, message) => {
    const path = join(mkdtempSync(join(tmpdir(), 'system-')), 'units.json')
    writeFileSync(path, JSON.stringify({ ...gb200, [key]: { ...gb200.hbmBytes, ...given } }))
    expect(() => loadSystem(path)).toThrow(message)
    expect(() => loadSystem(path)).toThrow(/hint: give the value in this unit/)
  })
})

describe('placement', () => {
  test('18 engines of TP4 take one tray each', () => {
    const { placed, refused } = placeEngines([{ name: 'e', count: 18, gpus: 4 }], 1, gb200)
    expect(refused).toEqual([])
    placed.forEach((placement, i) => {
      expect(placement.trays).toEqual([i])
      expect(placement.gpus).toEqual([4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3])
    })
  })

  test('more GPUs than the racks have are refused with the numbers', () => {
    const { refused } = placeEngines([{ name: 'e', count: 19, gpus: 4 }], 1, gb200)
    expect(refused[0].reason).toMatch(/only 18 of 19 engines e \(4 GPUs each\) fit: 0 GPUs/)
  })

  test('an engine larger than a domain is refused however many racks there are', () => {
    const { placed, refused } = placeEngines([{ name: 'big', count: 1, gpus: 80 }], 4, gb200)
    expect(placed).toEqual([])
    expect(refused[0].reason).toMatch(/needs 80 GPUs, more than the 72/)
  })

  test('engines do not straddle racks: five of 32 GPUs need three racks', () => {
    expect(enginesThatFit(gb200, 2, 32)).toBe(4)
    expect(placeEngines([{ name: 'e', count: 5, gpus: 32 }], 2, gb200).refused).toHaveLength(1)
    expect(placeEngines([{ name: 'e', count: 5, gpus: 32 }], 3, gb200).refused).toEqual([])
  })

  test('smaller engines fill what larger ones leave', () => {
    const { placed, refused } = placeEngines(
      [
        { name: 'a', count: 2, gpus: 32 },
        { name: 'b', count: 2, gpus: 4 },
      ],
      1,
      gb200,
    )
    expect(refused).toEqual([])
    expect(placed.at(-1)).toMatchObject({ rack: 0, trays: [17] })
  })

  test('small engines that stand first leave the racks to large ones, which would not fit after them', () => {
    const small = { name: 'small', count: 3, gpus: 16 }
    const large = { name: 'large', count: 2, gpus: 48 }
    for (const groups of [
      [{ ...small, count: 2 }, large],
      [large, { ...small, count: 2 }],
    ]) {
      const { placed, refused } = placeEngines(groups, 2, gb200)
      expect(refused).toEqual([])
      expect(placed.map(({ group }) => group)).toEqual([0, 0, 1, 1])
      expect(new Set(placed.filter(({ gpus }) => gpus.length === 48).map(({ rack }) => rack)).size).toBe(2)
    }
    // what fits as it is written stays where it was
    const { placed } = placeEngines([{ ...small, count: 1 }, large], 2, gb200)
    expect(placed.map(({ rack, gpus }) => [rack, gpus[0]])).toEqual([
      [0, 0],
      [0, 16],
      [1, 0],
    ])
    expect(placeEngines([small, large], 2, gb200).refused).toMatchObject([{ group: 1, reason: /only 1 of 2 engines large/ }])
  })

  test('engines fit beside others that fit in one order alone', () => {
    const groups = [16, 4, 48].map((gpus, i) => ({ name: `e${gpus}`, count: [3, 1, 4][i], gpus }))
    expect(countBeside(groups, 1, 4, gb200)).toBe(6)
  })

  test('as many engines of a kind fit beside the others as are accepted with that count, and one more is refused', () => {
    const group = fc.record({
      name: fc.constant('e'),
      count: fc.integer({ min: 1, max: 4 }),
      gpus: fc.constantFrom(1, 4, 5, 8, 16, 24, 32, 48, 72),
    })
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        (groups, racks, n) => {
          const open = n % groups.length
          const others = groups.filter((_, i) => i !== open)
          fc.pre(placeEngines(others, racks, gb200).refused.length === 0)
          const refusedAt = (count: number) =>
            placeEngines(
              groups.map((one, i) => (i === open ? { ...one, count } : one)),
              racks,
              gb200,
            ).refused.length > 0
          const count = countBeside(groups, open, racks, gb200)
          if (count > 0) expect(refusedAt(count)).toBe(false)
          expect(refusedAt(count + 1)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('no GPU is used twice, every engine has its GPUs in one rack', () => {
    const group = fc.record({
      name: fc.constant('e'),
      count: fc.integer({ min: 1, max: 20 }),
      gpus: fc.integer({ min: 1, max: 72 }),
    })
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 4 }), (groups, racks) => {
        const { placed, refused } = placeEngines(groups, racks, gb200)
        const used = placed.flatMap((placement) => placement.gpus.map((gpu) => `${placement.rack}/${gpu}`))
        expect(new Set(used).size).toBe(used.length)
        for (const { group: g, gpus } of placed) expect(gpus).toHaveLength(groups[g].gpus)
        if (refused.length === 0) expect(placed).toHaveLength(groups.reduce((sum, { count }) => sum + count, 0))
      }),
      { numRuns: 100 },
    )
  })
})
