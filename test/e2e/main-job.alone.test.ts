/**
 * The main job on embedded clusters as they are shipped. Every process is the real one, under the Roles
 * of `manifests/install`.
 */
import { after, before, describe, test } from 'node:test';
import { EAST, WEST } from '#cli/dev/demo.ts';
import { type JobCluster, type JobStage, MAIN_JOB } from './main-job.ts';
import { patch, type Stage, setStage } from './stage.ts';

function clusterOf(stage: Stage, name: string): JobCluster {
  const cluster = stage.demo.cluster(name);
  return {
    client: cluster.client,
    address: (service) => stage.address(name, service),
    gateways: () => cluster.gateways.map((each) => each.ip),
    killGateways: () => cluster.kill('gateway'),
    patch: (path, body) => patch(cluster, path, body),
  };
}

for (const network of ['loopback', 'mapped'] as const) {
  describe(`two clusters on the ${network} network`, () => {
    let stage: Stage;
    let job: JobStage;

    before(async () => {
      stage = await setStage({ network });
      job = {
        west: clusterOf(stage, WEST),
        east: clusterOf(stage, EAST),
        refusals: () => stage.refusals(),
      };
    });
    after(() => stage?.end());

    for (const { name, run } of MAIN_JOB) test(name, () => run(job));
  });
}
