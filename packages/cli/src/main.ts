/** The `fourfold` command: exit status 0 when all went well, 1 on failure, 2 on misuse. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('fourfold')
  .description('The Linux 2.6.15/16-rc memory manager over real page-table formats')
  .version(version)
  .exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    console.error(`fourfold: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
