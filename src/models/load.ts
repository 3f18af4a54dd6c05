/** Models by name (shipped) or by the path of a user's own file. A file is read once, and again by whoever asks for it anew. */
import { readDataFile } from '../dataFile.js'
import type { ModelSpec } from './model.js'
import { modelSchema } from './schema.js'

export const MODEL_NAMES = ['llama-3.1-70b', 'deepseek-r1', 'gpt-oss-120b', 'kimi-k2.5', 'glm-5', 'qwen3-235b'] as const

/** A shipped name, or a path (it holds a slash or ends in .json). `anew`: a file of the user's own is read again. Throws UserError for a file that is missing or malformed. */
export function loadModel(nameOrPath: string, anew = false): ModelSpec {
  return readDataFile({
    kind: 'model',
    nameOrPath,
    names: MODEL_NAMES,
    folder: new URL('../../data/models/', import.meta.url),
    schema: modelSchema,
    anew,
  })
}
