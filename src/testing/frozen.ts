/** Clock and chance refuse to answer while a policy decides. For policies handed over as functions; those of files run in a sealed realm. */
const refuse = (what: string) => (): never => {
  throw new Error(`${what} is not to be had inside a policy`)
}
const clock = refuse('the clock')
const NO_CLOCK = { get: clock, apply: clock, construct: clock }
const chance = refuse('Math.random')

export function frozen<T>(decide: () => T): T {
  const { Date: date, performance } = globalThis
  const { random } = Math
  globalThis.Date = new Proxy(date, NO_CLOCK)
  globalThis.performance = new Proxy(performance, NO_CLOCK)
  Math.random = chance
  try {
    return decide()
  } finally {
    globalThis.Date = date
    globalThis.performance = performance
    Math.random = random
  }
}
