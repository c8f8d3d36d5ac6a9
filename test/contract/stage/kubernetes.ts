/**
 * The steps on two real control planes; runs in a network namespace (`network-namespace.ts`) and prints
 * its outcomes as JSON.
 */
import { describeError } from '#core/errors.ts';
import { claimAddresses } from './network-namespace.ts';
import { type Pair, startKubernetesPair } from './pair.ts';
import { runSteps, untried } from './steps.ts';

const assets = process.env['KUBEBUILDER_ASSETS'] ?? '';
let starting: Promise<Pair> | undefined;
const end = (code: number) => {
  // What is still starting is ended once it has started: half of it could not be.
  void Promise.resolve(starting)
    .then((pair) => pair?.stop())
    .catch(() => undefined)
    .finally(() => process.exit(code));
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end(130));

try {
  claimAddresses();
  starting = startKubernetesPair(assets, (text) => process.stderr.write(`${text}\n`));
  process.stdout.write(JSON.stringify(await runSteps(await starting)));
} catch (error) {
  process.stdout.write(JSON.stringify(untried('failed', describeError(error))));
}
end(0);
