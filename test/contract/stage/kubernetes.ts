/**
 * The steps on two real control planes; runs in a network namespace (`network-namespace.ts`) and prints
 * its outcomes as JSON.
 */
import { describeError } from '#core/errors.ts';
import { claimAddresses } from './network-namespace.ts';
import { type Pair, startKubernetesPair } from './pair.ts';
import { runSteps, untried } from './steps.ts';

const assets = process.env['KUBEBUILDER_ASSETS'] ?? '';
let pair: Pair | undefined;
const end = (code: number) => {
  void (pair?.stop() ?? Promise.resolve()).finally(() => process.exit(code));
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end(130));

try {
  claimAddresses();
  pair = await startKubernetesPair(assets, (text) => process.stderr.write(`${text}\n`));
  process.stdout.write(JSON.stringify(await runSteps(pair)));
} catch (error) {
  process.stdout.write(JSON.stringify(untried('failed', describeError(error))));
}
end(0);
