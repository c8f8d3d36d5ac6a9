/**
 * plan(input) → actions: everything the mirror controller decides, in one pure function.
 *
 * Promises: applied to the state it was made from, it leaves nothing to do; nothing is taken away because
 * something is not known; nothing that Isthmus did not make is changed but for the status of our own kinds and of ServiceExports.
 */
import { isMirror } from '#kube/mirror.ts';
import { exportStatusActions } from './export-status.ts';
import { labelActions, localMembers } from './exports.ts';
import { linkFinding } from './findings.ts';
import type { Finding, Plan, PlanInput } from './input.ts';
import { catalogFindings, shortfallFindings, shortfalls } from './left-out.ts';
import { linkStatusActions } from './link-status.ts';
import { mirrorActions } from './mirror-objects.ts';
import { type Mirror, mirrorsOf } from './mirrors.ts';
import { missingNamespaces } from './namespaces.ts';
import { offersOf } from './offers.ts';
import { importerOf, type LinkRole, linkRoles, remoteMembers } from './peers.ts';
import { policyStatusActions } from './policy-status.ts';
import { allocatePorts, PORTS_OF_LINK, type PortClaim, portOwner } from './ports.ts';

/** What has to be done for the cluster to be as its Links, exports and peers' catalogs want it. */
export function plan(input: PlanInput): Plan {
  const roles = linkRoles(input.links, input.cluster);
  const remote = remoteMembers(roles, input);
  const local = localMembers(input);
  const offers = offersOf([...remote, ...local], input.now);
  const namespaces = missingNamespaces(remote, input);
  const { mirrors, findings: contested } = mirrorsOf(
    offers,
    namespaces.missing,
    input,
    (namespace) => importerOf(roles, namespace),
  );
  const ports = givePorts(mirrors, input);
  const labelled = labelActions(input);
  const wanting = shortfalls(local, roles, input);
  const findings: readonly Finding[] = [
    ...catalogFindings(roles, input.catalogs),
    ...namespaces.findings,
    ...contested,
    ...withoutPort(mirrors, ports),
    ...refusals(mirrors, roles, input.refused),
    ...labelled.findings,
    ...shortfallFindings(wanting, input.exports),
  ];
  return {
    actions: [
      ...namespaces.actions,
      ...labelled.actions,
      ...mirrorActions(mirrors, ports, input),
      ...exportStatusActions(input, offers, wanting),
      ...policyStatusActions(input),
      ...linkStatusActions({ input, roles, mirrors, findings, localMembers: local }),
    ],
    findings,
  };
}

function givePorts(mirrors: ReadonlyMap<string, Mirror>, input: PlanInput) {
  const claims: PortClaim[] = [];
  for (const mirror of mirrors.values()) {
    const existing = input.services.get(mirror.key);
    for (const { port } of mirror.ports) {
      const held = existing?.spec.ports?.find((each) => each.port === port)?.targetPort;
      claims.push({
        owner: portOwner(mirror.key, port),
        link: mirror.link.metadata.name,
        held: typeof held === 'number' ? held : undefined,
        since: existing?.metadata.creationTimestamp ?? '',
      });
    }
  }
  return allocatePorts(claims, input.portRange, leavingPorts(mirrors, input), input.restingPorts);
}

/** Ports of mirrors that go, or that lose the port: still in use until the gateways noticed. */
function leavingPorts(
  mirrors: ReadonlyMap<string, Mirror>,
  input: Pick<PlanInput, 'services'>,
): ReadonlySet<number> {
  const leaving = new Set<number>();
  for (const [key, service] of input.services) {
    if (!isMirror(service)) continue;
    const kept = mirrors.get(key)?.ports.map((each) => each.port) ?? [];
    for (const { port, targetPort } of service.spec.ports ?? []) {
      if (typeof targetPort === 'number' && !kept.includes(port)) leaving.add(targetPort);
    }
  }
  return leaving;
}

function withoutPort(
  mirrors: ReadonlyMap<string, Mirror>,
  ports: ReadonlyMap<string, number>,
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const { key, link, ports: wanted } of mirrors.values()) {
    if (wanted.every(({ port }) => ports.has(portOwner(key, port)))) continue;
    const message = `no listener port is left for ${key}, for one Link has at most ${PORTS_OF_LINK} times as many as are free: import fewer services`;
    findings.push(linkFinding(link, 'PortsExhausted', message));
  }
  return findings;
}

/** Every Link that brings in a mirror may be the reason why it cannot be written. */
function refusals(
  mirrors: ReadonlyMap<string, Mirror>,
  roles: readonly LinkRole[],
  refused: PlanInput['refused'],
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [key, said] of refused) {
    const { clusters = [], target } = mirrors.get(key) ?? {};
    for (const { link } of roles.filter((each) => each.role === 'active')) {
      if (!clusters.includes(link.clusterName ?? '')) continue;
      const message = `the mirror ${key} of ${target} cannot be written: ${said}: correct the export, or what forbids it here`;
      findings.push(linkFinding(link, 'WriteRefused', message));
    }
  }
  return findings;
}
