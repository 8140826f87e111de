/** The `fourfold` command on this process: exit status 0 when all went well, 1 on failure, 2 on misuse. */
import { fourfold } from './fourfold.js';
import { complain, messageOf, reportBug, STATUS_FAILURE, STATUS_OK } from './outcome.js';

const host = { stdout: process.stdout, stderr: process.stderr, env: process.env };

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(STATUS_OK);
  complain(host, `standard output: cannot be written: ${messageOf(error)}`);
  process.exit(STATUS_FAILURE);
});
process.on('uncaughtException', (error) => {
  process.exit(reportBug(error, host));
});

process.exitCode = await fourfold(process.argv.slice(2), host);
