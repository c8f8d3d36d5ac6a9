/** What a part of the soak runs: only its own program, so that its memory is its own. */
import { PART } from './answers.ts';

const PARTS: Readonly<Record<string, () => Promise<{ begin(): void }>>> = {
  gateway: () => import('./gateway-part.ts'),
  pod: () => import('./pod-part.ts'),
  bystander: () => import('./bystander-part.ts'),
  attacker: () => import('./attacker-part.ts'),
  clients: () => import('./clients-part.ts'),
};

(await PARTS[process.env[PART] ?? '']?.())?.begin();
