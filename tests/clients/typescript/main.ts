// Calls both services of a sandbox as an internal system in TypeScript would, with one of two stacks: Connect over gRPC
// with generated code (connect.ts), or grpc-js with proto-loader (grpc_js.ts).
//
// The commands that build it and run it are in docs/integrate.md; docs/clients.md has a second way to the generated code.
// Prints a line for each step, `ok STEP` or `FAILED STEP: why`.
import { readFileSync } from 'node:fs';

import { connect } from './connect.js';
import { grpcJs } from './grpc_js.js';
import type { Expectations, Profile } from './sandbox.js';
import { Steps } from './steps.js';

const [profilePath, expectationsPath, stack] = process.argv.slice(2);
if (!profilePath || !expectationsPath) {
  console.error('usage: main.js PROFILE EXPECTATIONS [grpc-js]');
  process.exit(2);
}
const profile: Profile = JSON.parse(readFileSync(profilePath, 'utf8'));
const expectations: Expectations = JSON.parse(readFileSync(expectationsPath, 'utf8'));
const steps = new Steps(stack === 'grpc-js' ? grpcJs : connect, profile, expectations);
let failed = 0;
for (const name of expectations.steps) {
  try {
    await steps[name as keyof Steps]();
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error instanceof Error ? error.message.replaceAll('\n', ' ') : error}`);
  }
}
// Connections that are still open would keep the process alive.
process.exit(failed ? 1 : 0);
