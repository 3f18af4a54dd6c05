/**
 * Views as a guarded policy gets them: read only, nothing but what is declared, every read written down. Arrays are copies, so a write
 * into one does no harm and is found out afterwards.
 */
import { noteRead } from './heartbeat.js'

/** Reads that an error message shows. */
const SHOWN_READS = 12
/** Keys that code asks of any object, and those that not every view has. */
const ABSENT = new Set(['toJSON', 'then', 'constructor', 'engine'])

type Numbers = Float64Array | Int32Array

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
  const copies = new Map<Numbers, { copy: Numbers; decision: number; name: string }>()
  let decision = 0
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

  function copyOf(raw: Numbers, name: string): Numbers {
    let entry = copies.get(raw)
    if (entry === undefined) {
      entry = { copy: raw.slice(), decision: 0, name }
      copies.set(raw, entry)
    }
    if (entry.decision !== decision) entry.copy.set(raw)
    entry.decision = decision
    return entry.copy
  }

  function asked(target: Record<string, unknown>, key: string, name: string, method: (...args: unknown[]) => unknown) {
    const { count: places } = target
    return (...args: unknown[]): unknown => {
      const [place] = args
      if (typeof places === 'number' && !(Number.isInteger(place) && (place as number) >= 0 && (place as number) < places))
        refuse(`asks ${name}.${key}(${String(place)}), and there are places 0 to ${places - 1}`)
      const answer = method.apply(target, args)
      // a method may have filled columns of its view
      for (const value of Object.values(target)) {
        const held = ArrayBuffer.isView(value) ? copies.get(value as Numbers) : undefined
        if (held?.decision === decision) held.copy.set(value as Numbers)
      }
      note(`${key}(${args.join(',')})`, answer)
      return typeof answer === 'object' && answer !== null ? cover(answer, `${name}.${key}()`) : answer
    }
  }

  function cover<T extends object>(view: T, name: string): T {
    const known = covers.get(view)
    if (known) return known as T
    const methods = new Map<string, unknown>()
    const made = new Proxy(view, {
      get(target, key) {
        if (typeof key === 'symbol') return Reflect.get(target, key)
        if (!(key in target)) {
          if (ABSENT.has(key)) return undefined
          return refuse(`reads ${name}.${key}, which is not there to be seen; there are ${Object.keys(target).join(', ')}`)
        }
        const value = (target as Record<string, unknown>)[key]
        if (typeof value === 'function') {
          if (!methods.has(key))
            methods.set(key, asked(target as Record<string, unknown>, key, name, value as (...args: unknown[]) => unknown))
          return methods.get(key)
        }
        if (ArrayBuffer.isView(value)) return copyOf(value as Numbers, `${name}.${key}`)
        if (typeof value === 'object' && value !== null) return cover(value, `${name}.${key}`)
        note(key, value)
        return value
      },
      set: (_, key) => refuse(`writes to ${name}.${String(key)}, which is read only`),
      defineProperty: (_, key) => refuse(`writes to ${name}.${String(key)}, which is read only`),
      deleteProperty: (_, key) => refuse(`deletes ${name}.${String(key)}, which is read only`),
      setPrototypeOf: () => refuse(`changes ${name}, which is read only`),
    })
    covers.set(view, made)
    return made as T
  }

  return {
    open() {
      decision++
      found = null
      count = 0
      shown = []
    },
    cover,
    trespass() {
      for (const [raw, { copy, decision: when, name }] of copies)
        if (when === decision && copy.some((value, i) => !Object.is(value, raw[i])))
          found ??= `writes into ${name}, which is read only`
      return found
    },
    reads: () =>
      count === 0 ? 'nothing' : `${shown.join(', ')}${count > SHOWN_READS ? ` and ${count - SHOWN_READS} more` : ''}`,
  }
}
