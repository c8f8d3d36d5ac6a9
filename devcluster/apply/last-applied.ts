/**
 * The annotation in which client-side apply keeps what it applied last. pure
 *
 * `kubectl apply --server-side` keeps it up to date through the server, so that a client-side apply later removes what is
 * applied no longer: managedfields/internal/lastappliedupdater.go of k8s.io/apimachinery.
 */
import {
  asObject,
  at,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  without,
} from '../values/json.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** The one manager whose applies are kept. */
const MANAGER = 'kubectl';

/** `object` as `manager` has just applied `config` to it, with the annotation brought up to date where it has one. */
export function withLastApplied(
  object: KubeObject,
  config: JsonObject,
  manager: string,
): KubeObject {
  const annotations = asObject(object.metadata.annotations);
  if (manager !== MANAGER || !annotations[ANNOTATION]) return object;
  const text = `${JSON.stringify(inOrder(withoutAnnotation(config)))}\n`;
  const metadata = { ...object.metadata, annotations: { ...annotations, [ANNOTATION]: text } };
  return { ...object, metadata };
}

function withoutAnnotation(config: JsonObject): JsonObject {
  const annotations = at(config, 'metadata', 'annotations');
  if (!isObject(annotations)) return config;
  const metadata = { ...asObject(config.metadata), annotations: without(annotations, ANNOTATION) };
  return { ...config, metadata };
}

/** Keys in order, as Go writes them. */
function inOrder(value: Json): Json {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, inOrder(value[key] ?? null)]),
  );
}
