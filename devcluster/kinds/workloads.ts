/**
 * Deployments, ReplicaSets and StatefulSets: defaults and validation. pure
 */
import {
  asList,
  asNumber,
  asObject,
  deepEqual,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { checkLabels } from './names.ts';
import { podSpecDefaults } from './pod-defaults.ts';
import { checkPodSpec } from './pod-spec.ts';
import type { Rules } from './resources.ts';
import { checkProgress } from './rolling-update.ts';
import { matchesSelector } from './selectors.ts';

function templateDefaults(spec: JsonObject): JsonObject {
  const template = asObject(spec.template);
  return {
    ...spec,
    replicas: spec.replicas ?? 1,
    template: {
      ...template,
      metadata: template.metadata ?? {},
      spec: podSpecDefaults(asObject(template.spec)),
    },
  };
}

function checkTemplate(object: KubeObject, previous: KubeObject | undefined): Cause[] {
  const causes: Cause[] = [];
  const spec = asObject(object.spec);
  const template = asObject(spec.template);
  const labels = asObject(asObject(template.metadata).labels);
  const replicas = asNumber(spec.replicas);
  if (replicas < 0) {
    causes.push(
      fieldError.invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
    );
  }
  const selector = asObject(spec.selector);
  if (spec.selector === undefined) causes.push(fieldError.required('spec.selector'));
  else if (Object.keys(selector).length === 0) {
    const why = `empty selector is invalid for ${object.kind.toLowerCase()}`;
    causes.push(fieldError.invalid('spec.selector', selector, why));
  } else if (!matchesSelector(selector, labels)) {
    const why = '`selector` does not match template `labels`';
    causes.push(fieldError.invalid('spec.template.metadata.labels', labels, why));
  }
  causes.push(...checkLabels(labels, 'spec.template.metadata.labels'));
  causes.push(...checkPodSpec(asObject(template.spec), 'spec.template.spec'));
  if (asObject(template.spec).restartPolicy !== 'Always') {
    const value = asObject(template.spec).restartPolicy;
    causes.push(fieldError.unsupported('spec.template.spec.restartPolicy', value, ['Always']));
  }
  if (previous && !deepEqual(asObject(previous.spec).selector, spec.selector)) {
    causes.push(fieldError.invalid('spec.selector', selector, 'field is immutable'));
  }
  return causes;
}

/** Rules of Deployments. */
export const deploymentRules: Rules = {
  hasStatus: true,
  hasGeneration: true,
  defaults: (object) => {
    const spec = templateDefaults(asObject(object.spec));
    const strategy = { ...asObject(spec.strategy) };
    strategy.type ??= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate = {
        maxUnavailable: '25%',
        maxSurge: '25%',
        ...asObject(strategy.rollingUpdate),
      };
    }
    return {
      ...object,
      spec: {
        ...spec,
        strategy,
        revisionHistoryLimit: spec.revisionHistoryLimit ?? 10,
        progressDeadlineSeconds: spec.progressDeadlineSeconds ?? 600,
      },
    };
  },
  validate: (object, previous) => [
    ...checkTemplate(object, previous),
    ...checkProgress(asObject(object.spec)),
  ],
};

/** Rules of ReplicaSets. */
export const replicaSetRules: Rules = {
  hasStatus: true,
  hasGeneration: true,
  defaults: (object) => {
    const spec = templateDefaults(asObject(object.spec));
    const labels = asObject(asObject(asObject(spec.template).metadata).labels);
    spec.selector ??= { matchLabels: labels };
    return { ...object, spec };
  },
  validate: checkTemplate,
};

/** Rules of StatefulSets. */
export const statefulSetRules: Rules = {
  hasStatus: true,
  hasGeneration: true,
  defaults: (object) => {
    const spec = templateDefaults(asObject(object.spec));
    return {
      ...object,
      spec: {
        ...spec,
        podManagementPolicy: spec.podManagementPolicy ?? 'OrderedReady',
        updateStrategy: spec.updateStrategy ?? {
          type: 'RollingUpdate',
          rollingUpdate: { partition: 0 },
        },
        revisionHistoryLimit: spec.revisionHistoryLimit ?? 10,
        persistentVolumeClaimRetentionPolicy: spec.persistentVolumeClaimRetentionPolicy ?? {
          whenDeleted: 'Retain',
          whenScaled: 'Retain',
        },
      },
    };
  },
  validate: (object, previous) => {
    const causes = checkTemplate(object, previous);
    if (asList(asObject(object.spec).volumeClaimTemplates).length > 0) {
      const why = 'this embedded cluster serves no volume claims';
      causes.push(fieldError.forbidden('spec.volumeClaimTemplates', why));
    }
    return causes;
  },
};
