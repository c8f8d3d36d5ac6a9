/**
 * The status of every Link: what an operator needs to know of it, and what to do next. pure
 *
 * Written on transitions only. Nothing that changes by itself (round trips, times last seen) stands here.
 */
import type { Catalog } from '#core/catalog.ts';
import { ERRORS, type ErrorCode } from '#core/errors.ts';
import { selects } from '#core/selector.ts';
import { defined } from '#kube/parse.ts';
import { links } from '#kube/resources/builtin.ts';
import {
  LINK_CATALOG_SYNCED,
  LINK_CONNECTED,
  LINK_TRUST_CURRENT,
  type LinkSpec,
  type LinkStatus,
} from '#kube/resources/link.ts';
import { trustHash } from '#kube/resources/link-hash.ts';
import type { Condition } from '#kube/types.ts';
import { announcement, type Facts } from './announcement.ts';
import {
  conditionsOf,
  sameConditions,
  statusObject,
  transition,
  type Verdict,
} from './conditions.ts';
import type { Action, Finding, LinkState, Member, PlanInput } from './input.ts';
import type { Mirror } from './mirrors.ts';
import type { LinkRole } from './peers.ts';

/** Findings named in a condition; the others are counted. */
const FINDINGS_SHOWN_MAX = 3;

export interface LinkStatusInput {
  readonly input: PlanInput;
  readonly roles: readonly LinkRole[];
  readonly mirrors: ReadonlyMap<string, Mirror>;
  readonly findings: readonly Finding[];
  readonly localMembers: readonly Member[];
}

/** An action for every Link whose status is not what it has to be. */
export function linkStatusActions(of: LinkStatusInput): readonly Action[] {
  return of.roles.flatMap((role) => {
    const { link } = role;
    const { facts, connected, synced, trust } = judge(role, of);
    const { generation, name, namespace = '' } = link.metadata;
    const wanted = conditionsOf(link, {
      [LINK_CONNECTED]: connected,
      [LINK_CATALOG_SYNCED]: synced,
      [LINK_TRUST_CURRENT]: trust,
    });
    const known = (link.status.conditions ?? []) as readonly Condition[];
    if (sameConditions(known, wanted) && sameFacts(link.status, facts, generation)) return [];
    const conditions = transition(known, wanted, of.input.now);
    const status = {
      conditions,
      ...facts,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    const object = statusObject(links, link, status);
    return [{ do: 'status', key: `${namespace}/${name}`, kind: 'Link', object } as const];
  });
}

function judge(role: LinkRole, of: LinkStatusInput) {
  const { link } = role;
  if (role.role !== 'active') {
    const why = inactive(role);
    const bundle = link.problems.find((each) => each.field === 'spec.trustBundle');
    const trust: Verdict =
      bundle === undefined
        ? { ...why, status: 'Unknown' }
        : { status: 'False', reason: 'InvalidBundle', message: why.message };
    // The roots of the spec may no longer sign anybody by the time it is put right.
    const { specHash, trustBundle, gateways } = link.status;
    const facts: Facts = defined({ specHash, trustBundle, gateways });
    return { facts, connected: why, synced: why, trust };
  }
  const { spec } = role;
  const catalog = of.input.catalogs.get(spec.clusterName);
  const state = of.input.linkStates?.get(spec.clusterName);
  const connected = connection(spec, of.input.linkStates !== undefined, state);
  const isTheirs = of.input.heardUnder.get(spec.clusterName) === trustHash(spec);
  const announcing = isTheirs && state?.connected === true ? catalog : undefined;
  const announced = announcement(role.link.status, spec, announcing);
  const facts: Facts = {
    ...announced.facts,
    ...(catalog === undefined ? {} : { peerVersion: catalog.cluster.version }),
    importedServices: count(of.mirrors, spec.clusterName),
    exportedServices: of.localMembers.filter((each) => isSeen(spec, each, of.input)).length,
  };
  const synced = synchronisation(spec.clusterName, catalog, state, of, link.metadata.name);
  return { facts, connected, synced, trust: announced.verdict };
}

function inactive(role: Exclude<LinkRole, { readonly role: 'active' }>): Verdict {
  const { link } = role;
  switch (role.role) {
    case 'invalid': {
      const [first, ...others] = link.problems;
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
      const next =
        first?.field === 'spec.trustBundle'
          ? ERRORS.TRUST_BUNDLE_INVALID.next
          : 'Correct the field; until then the link is not used, and what it imported stays.';
      const text = `${first?.field ?? 'spec'}: ${first?.message ?? 'is not valid'}${more}. ${next}`;
      return { status: 'False', reason: 'InvalidSpec', message: text };
    }
    case 'duplicate':
      return {
        status: 'False',
        reason: 'DuplicateCluster',
        message: `spec.clusterName: "${link.clusterName}" is linked by the older Link "${role.of}" already. Delete one of the two, or correct the name.`,
      };
    case 'self':
      return {
        status: 'False',
        reason: 'OwnCluster',
        message: `spec.clusterName: "${link.clusterName}" is this cluster's own name. ${ERRORS.CLUSTER_NAME_CONFLICT.next}`,
      };
  }
}

function connection(spec: LinkSpec, asked: boolean, state: LinkState | undefined): Verdict {
  if (spec.suspend) {
    const message = 'spec.suspend: the link is suspended. Set it to false to go on.';
    return { status: 'False', reason: 'Suspended', message };
  }
  if (!asked) {
    const message = 'No gateway of this cluster answers. Look at the pods of isthmus-gateway.';
    return { status: 'Unknown', reason: 'NoGateway', message };
  }
  if (state === undefined) {
    const message = 'The gateways have not taken up this link yet.';
    return { status: 'Unknown', reason: 'Pending', message };
  }
  if (state.connected) {
    return { status: 'True', reason: 'Connected', message: 'Tunnels to the peer are up.' };
  }
  const where =
    spec.gateways.length === 0
      ? 'spec.gateways: empty, so the peer has to dial us'
      : `spec.gateways: ${spec.gateways.map((each) => `${each.host}:${each.port}`).join(', ')}`;
  const { code, message } = state.error ?? {
    code: 'PEER_UNREACHABLE',
    message: 'not connected yet',
  };
  const next = isCode(code) ? ERRORS[code].next : ERRORS.PEER_UNREACHABLE.next;
  return { status: 'False', reason: camel(code), message: `${where}: ${steady(message)}. ${next}` };
}

function synchronisation(
  cluster: string,
  catalog: Catalog | undefined,
  state: LinkState | undefined,
  of: LinkStatusInput,
  linkName: string,
): Verdict {
  if (catalog === undefined) {
    const message = 'The peer has not told what it exports yet. See the condition Connected.';
    return { status: 'False', reason: 'NeverSynced', message };
  }
  if (state?.connected !== true) {
    const message = 'What the peer said last stays in force. See the condition Connected.';
    return { status: 'False', reason: 'Stale', message };
  }
  const withheld = of.input.withheld.get(cluster) ?? 0;
  if (withheld > 0) {
    const message = `The peer withdrew ${withheld} services at once. They are kept for a minute and asked for again.`;
    return { status: 'True', reason: 'WithdrawalHeld', message };
  }
  const found = of.findings.filter((each) => each.link === linkName);
  if (found.length === 0) {
    const message = 'Everything the peer exports to this cluster is mirrored.';
    return { status: 'True', reason: 'Synced', message };
  }
  const shown = found.slice(0, FINDINGS_SHOWN_MAX).map((each) => each.message);
  const more = found.length > shown.length ? `; and ${found.length - shown.length} more` : '';
  return { status: 'True', reason: 'PartlyImported', message: `${shown.join('; ')}${more}` };
}

function count(mirrors: ReadonlyMap<string, Mirror>, cluster: string): number {
  let sum = 0;
  for (const mirror of mirrors.values()) if (mirror.of === cluster) sum += 1;
  return sum;
}

function isSeen(spec: LinkSpec, member: Member, input: PlanInput): boolean {
  const key = `${member.export.namespace}/${member.export.name}`;
  return selects(spec.export.serviceSelector, input.services.get(key)?.metadata.labels ?? {});
}

function sameFacts(status: LinkStatus, facts: Facts, generation: number | undefined): boolean {
  const { conditions: _, observedGeneration, ...known } = status;
  return observedGeneration === generation && stable(known) === stable(facts);
}

function stable(facts: Facts): string {
  return JSON.stringify([
    facts.specHash,
    facts.trustBundle,
    facts.gateways?.map((each) => [each.host, each.port, each.transport]),
    facts.peerVersion,
    facts.importedServices,
    facts.exportedServices,
  ]);
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** A reason is CamelCase: `PEER_UNREACHABLE` → `PeerUnreachable`. */
function camel(code: string): string {
  return code
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** Durations in a message would make every attempt a transition. */
function steady(message: string): string {
  return message.replace(/\d+(\.\d+)? ?ms/g, 'some time').replace(/[.\s]+$/, '');
}
