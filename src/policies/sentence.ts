/**
 * A sentence about a policy file. It begins with the path, unless that is the place of the fault already. `rest` is what follows a path:
 * `: no such file`, ` has no default export`, `:3 is async`.
 */
export const aboutFile = (path: string, where: string, rest: string): string =>
  where === path ? rest.replace(/^:(?=\d)/, 'line ').replace(/^:? /, '') : `${path}${rest}`
