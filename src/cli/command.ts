/** A command of the command line. The one place where the types of a builder and of its handler are joined: yargs cannot infer it. */
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs'

export interface Command<Args> {
  readonly command: string
  readonly describe: string
  readonly builder: (yargs: Argv) => Argv
  readonly handler: (args: ArgumentsCamelCase<Args>) => Promise<void> | void
}

export const defineCommand = <Args>(command: Command<Args>): CommandModule => command as unknown as CommandModule
