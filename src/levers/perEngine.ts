/** Memory that a policy keeps for each engine: a place of its `state` for engines 0 to 1023, which those beyond share. A rack has at most 72. */
export const ENGINE_PLACES = 1024

export const placeOfEngine = (engine: number): number => engine % ENGINE_PLACES
