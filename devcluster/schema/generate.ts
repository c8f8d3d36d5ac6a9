/**
 * Writes `types.txt` and `descriptions.txt`: the fields of every kind the API server serves.
 *
 * The facts come from the models of @kubernetes/client-node, which are generated from the OpenAPI
 * document of Kubernetes 1.36, so that nobody types them by hand. Run it after an upgrade of
 * that package: `node devcluster/schema/generate.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const MODELS = new URL(
  '../../node_modules/@kubernetes/client-node/dist/gen/models/',
  import.meta.url,
);

/** Kinds by group; what they reach follows. */
const ROOTS: Readonly<Record<string, readonly string[]>> = {
  meta: ['V1ObjectMeta', 'V1ListMeta', 'V1LabelSelector', 'V1Condition', 'V1DeleteOptions'],
  core: [
    'V1Namespace',
    'V1Node',
    'V1Pod',
    'V1Service',
    'V1Endpoints',
    'V1ConfigMap',
    'V1Secret',
    'V1ServiceAccount',
    'CoreV1Event',
    'V1LimitRange',
    'V1ResourceQuota',
    'V1Binding',
  ],
  apps: ['V1Deployment', 'V1ReplicaSet', 'V1StatefulSet'],
  autoscaling: ['V1Scale'],
  discovery: ['V1EndpointSlice'],
  coordination: ['V1Lease'],
  events: ['EventsV1Event'],
  rbac: ['V1Role', 'V1ClusterRole', 'V1RoleBinding', 'V1ClusterRoleBinding'],
  authentication: ['V1TokenReview', 'AuthenticationV1TokenRequest', 'V1SelfSubjectReview'],
  authorization: [
    'V1SubjectAccessReview',
    'V1SelfSubjectAccessReview',
    'V1LocalSubjectAccessReview',
    'V1SelfSubjectRulesReview',
  ],
  networking: ['V1NetworkPolicy'],
  policy: ['V1PodDisruptionBudget', 'V1Eviction'],
  scheduling: ['V1PriorityClass'],
  apiextensions: ['V1CustomResourceDefinition'],
};

interface Field {
  readonly name: string;
  readonly type: string;
}

const types: string[] = [];
const descriptions: string[] = [];
const seen = new Set<string>();

for (const [group, roots] of Object.entries(ROOTS)) {
  for (const root of roots) visit(root, group);
}
writeFileSync(new URL('types.txt', import.meta.url), `${types.join('\n')}\n`);
writeFileSync(new URL('descriptions.txt', import.meta.url), `${descriptions.join('\n')}\n`);

function visit(model: string, group: string): void {
  if (seen.has(model)) return;
  seen.add(model);
  const fields = fieldsOf(model);
  const text = readFileSync(new URL(`${model}.d.ts`, MODELS), 'utf8');
  types.push(`${model} ${group}`);
  describe(
    model,
    '',
    /\/\*\*\s*\n\* ((?:(?!\*\/)[\s\S])*?)\n\*\/\s*export declare class/.exec(text),
  );
  const next: string[] = [];
  for (const field of fields) {
    const escaped = field.name.replaceAll('$', '\\$');
    const declared = new RegExp(`'_?${escaped}'(\\??):`).exec(text);
    types.push(`  ${field.name}${declared?.[1] === '' ? '!' : ''} ${field.type}`);
    describe(
      model,
      field.name,
      new RegExp(`/\\*\\*\\s*\\n\\s*\\* ([^\\n]*)\\n\\s*\\*/\\s*'_?${escaped}'\\??:`).exec(text),
    );
    const reached = field.type.replace(/^(\[\]|\{\})+/, '');
    if (/^[A-Z]/.test(reached)) next.push(reached);
  }
  for (const reached of next) visit(reached, group);
}

function describe(model: string, field: string, match: RegExpExecArray | null): void {
  const text = match?.[1]
    ?.replaceAll("\\'", "'")
    .replaceAll('\\"', '"')
    .replace(/\s*\n\s*/g, ' ');
  if (text) descriptions.push(`${model}.${field} ${text}`);
}

function fieldsOf(model: string): Field[] {
  const source = readFileSync(new URL(`${model}.js`, MODELS), 'utf8');
  const match = /attributeTypeMap = (\[[\s\S]*?\n\]);/.exec(source);
  if (!match?.[1]) throw new Error(`cannot find the fields of ${model}`);
  const map = JSON.parse(match[1]) as { baseName: string; type: string; format: string }[];
  return map.map((entry) => ({ name: entry.baseName, type: typeOf(entry.type, entry.format) }));
}

function typeOf(type: string, format: string): string {
  const array = /^Array<(.*)>$/.exec(type);
  if (array?.[1]) return `[]${typeOf(array[1], format)}`;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map?.[1]) return `{}${typeOf(map[1], format)}`;
  if (type === 'Date') return 'time';
  if (type === 'V1MicroTime') return 'microTime';
  if (type === 'IntOrString') return 'intOrString';
  if (type === 'number') return format === 'int32' || format === 'int64' ? format : 'number';
  if (type === 'string') return format === 'byte' ? 'byte' : 'string';
  if (type === 'any' || type === 'object') return 'any';
  return type;
}
