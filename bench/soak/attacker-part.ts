/** The attacker of the soak, a process of its own. */
import { systemClock } from '#core/clock.ts';
import { loopbackNetwork } from '#core/network.ts';
import type { Peer } from '#gateway/snapshot/types.ts';
import { dialPeer } from '#gateway/tunnel/dial.ts';
import type { Credentials } from '#identity/workload.ts';
import { answerQuestions } from './answers.ts';
import { ATTACKS } from './attacks/all.ts';
import { type Stop, strength } from './attacks/attack.ts';

/** Whom to attack, and who to be. */
export interface Attacking {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly source: string;
  readonly hostile: string;
  readonly hostilePort: number;
  readonly peer: Peer;
  readonly credentials: Credentials;
}

/** Serves until the soak ends. */
export function begin(): void {
  let stop: Stop | undefined;
  answerQuestions({
    begin({ name, peer, credentials, ...target }: Attacking) {
      const attack = ATTACKS.find((each) => each.name === name && each.begin);
      const [address] = peer.gateways;
      if (attack === undefined || address === undefined) throw new Error(`no attack "${name}"`);
      const options = {
        ...{ clock: systemClock, network: loopbackNetwork },
        ...{ ownCluster: target.hostile, credentials },
      };
      stop = attack.begin({ ...target, dial: (role) => dialPeer(peer, address, role, options) });
    },
    strength,
    end: () => stop?.(),
  });
}
