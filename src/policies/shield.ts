/**
 * Views as a guarded policy gets them: read only, nothing but what is declared, every read written down. Arrays are copies, so a write
 * into one does no harm and is found out afterwards; beyond the entries that count they are blank, since what lies there is of other ranks.
 */
import type { LoadView } from '../levers/lever.js'
import { noteRead } from './heartbeat.js'

/** Reads that an error message shows. */
const SHOWN_READS = 12
/** Keys that code asks of any object, and those that not every view has. */
const ABSENT = new Set(['toJSON', 'then', 'constructor', 'engine'])

type Numbers = Float64Array | Int32Array

/** How many places the methods of a view may be asked for: those of a load, the ranks of an engine; none where it has no places. */
function placesOf({ count, ranks, loads }: Readonly<Record<string, unknown>>): unknown {
  return count ?? ranks ?? (loads as LoadView | undefined)?.count
}

/** How many entries of its arrays count, where not all do. `listed`: what its method `list` answered last in this decision, 0 before. */
function countOf({ n, candidates, waiting, list }: Readonly<Record<string, unknown>>, listed: number): unknown {
  return n ?? candidates ?? (typeof list === 'function' ? listed : typeof waiting === 'number' ? waiting : undefined)
}

const blankOf = (array: Numbers): number => (array instanceof Float64Array ? Number.NaN : -1)

interface Copy {
  readonly raw: Numbers
  readonly copy: Numbers
  /** The view that was last asked for it. */
  of: Readonly<Record<string, unknown>>
  /** The first entries, which count. */
  filled: number
  /** The last decision that got it. */
  decision: number
  readonly name: string
}

export interface Shield {
  /** A decision begins: nothing has been read. */
  open(): void
  /** The view as the policy gets it; the same one for the same object. */
  cover<T extends object>(view: T, name: string): T
  /** The sentence about what the policy must not do and did, null when nothing. It may have caught the error itself. */
  trespass(): string | null
  /** The first reads of this decision, as `running(0)=3`. */
  reads(): string
}

export function createShield(): Shield {
  const covers = new WeakMap<object, object>()
  const copies = new WeakMap<Numbers, Copy>()
  /** Those handed out in this decision. */
  let given: Copy[] = []
  let decision = 0
  let listed = 0
  let found: string | null = null
  let count = 0
  let shown: string[] = []

  const refuse = (sentence: string): never => {
    found ??= sentence
    throw new Error(sentence)
  }

  function note(what: string, value: unknown): void {
    if (typeof value === 'number') noteRead(value)
    if (count++ < SHOWN_READS) shown.push(`${what}=${String(value)}`)
  }

  function noteWrites(): void {
    for (const { raw, copy, filled, name } of given)
      if (found === null && copy.some((value, i) => !Object.is(value, i < filled ? raw[i] : blankOf(copy))))
        found = `writes into ${name}, which is read only`
  }

  function fillAnew(entry: Copy): void {
    const { raw, copy, of } = entry
    const count = countOf(of, listed)
    entry.filled = typeof count === 'number' ? count : raw.length
    copy.set(raw)
    if (entry.filled < copy.length) copy.fill(blankOf(copy), entry.filled)
  }

  function copyOf(raw: Numbers, of: Copy['of'], name: string): Numbers {
    let entry = copies.get(raw)
    if (entry === undefined) {
      entry = { raw, copy: raw.slice(), of, filled: raw.length, decision: 0, name }
      copies.set(raw, entry)
    }
    if (entry.decision !== decision) {
      entry.of = of
      fillAnew(entry)
      entry.decision = decision
      given.push(entry)
    }
    return entry.copy
  }

  function asked(target: Record<string, unknown>, key: string, name: string, method: (...args: unknown[]) => unknown) {
    const places = placesOf(target)
    return (...args: unknown[]): unknown => {
      const [place] = args
      if (typeof places === 'number' && !(Number.isInteger(place) && (place as number) >= 0 && (place as number) < places))
        refuse(`asks ${name}.${key}(${String(place)}), and there are places 0 to ${places - 1}`)
      // a method may fill columns of its view anew: what the policy wrote into them is found out before
      noteWrites()
      const answer = method.apply(target, args)
      if (key === 'list') listed = answer as number
      for (const entry of given) fillAnew(entry)
      note(`${key}(${args.join(',')})`, answer)
      return typeof answer === 'object' && answer !== null ? cover(answer, `${name}.${key}()`) : answer
    }
  }

  function cover<T extends object>(view: T, name: string): T {
    const known = covers.get(view)
    if (known) return known as T
    const methods = new Map<string, unknown>()
    function read(target: T, key: string | symbol): unknown {
      if (typeof key === 'symbol') return Reflect.get(target, key)
      // what every object inherits leads to the object behind the view
      if (!(key in target) || key in Object.prototype) {
        if (ABSENT.has(key)) return undefined
        return refuse(`reads ${name}.${key}, which is not there to be seen; there are ${Object.keys(target).join(', ')}`)
      }
      const value = (target as Record<string, unknown>)[key]
      if (typeof value === 'function') {
        if (!methods.has(key))
          methods.set(key, asked(target as Record<string, unknown>, key, name, value as (...args: unknown[]) => unknown))
        return methods.get(key)
      }
      if (ArrayBuffer.isView(value)) return copyOf(value as Numbers, target as Copy['of'], `${name}.${key}`)
      if (typeof value === 'object' && value !== null) return cover(value, `${name}.${key}`)
      note(key, value)
      return value
    }
    const made = new Proxy(view, {
      get: read,
      getOwnPropertyDescriptor(target, key) {
        const own = Reflect.getOwnPropertyDescriptor(target, key)
        return own && { value: read(target, key), enumerable: own.enumerable, configurable: true }
      },
      getPrototypeOf: () => null,
      set: (_, key) => refuse(`writes to ${name}.${String(key)}, which is read only`),
      defineProperty: (_, key) => refuse(`writes to ${name}.${String(key)}, which is read only`),
      deleteProperty: (_, key) => refuse(`deletes ${name}.${String(key)}, which is read only`),
      setPrototypeOf: () => refuse(`changes ${name}, which is read only`),
      preventExtensions: () => refuse(`changes ${name}, which is read only`),
    })
    covers.set(view, made)
    return made as T
  }

  return {
    open() {
      decision++
      listed = 0
      found = null
      count = 0
      shown = []
      given = []
    },
    cover,
    trespass() {
      noteWrites()
      return found
    },
    reads: () =>
      count === 0 ? 'nothing' : `${shown.join(', ')}${count > SHOWN_READS ? ` and ${count - SHOWN_READS} more` : ''}`,
  }
}
