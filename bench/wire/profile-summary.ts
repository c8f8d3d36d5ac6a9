/**
 * Where the time of a CPU profile went: by kind, by file and by function, own time only. pure
 */

/** A profile as V8 writes it, as far as it is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const FUNCTIONS_SHOWN = 30;
const FILES_SHOWN = 15;
/** Functions without a file that enter the system. */
const SYSTEM_CALLS =
  /^(write\w*|read\w*|shutdown|connect|close|open|accept|epoll\w*|start|enc\w*|dec\w*)$/i;

/** A few dozen lines, shares in percent of the time that was not idle. */
export function summariseProfile(profile: CpuProfile): string {
  const spent = new Map<number, number>();
  profile.samples.forEach((id, at) => {
    spent.set(id, (spent.get(id) ?? 0) + (profile.timeDeltas[at] ?? 0));
  });
  const kinds = new Map<string, number>();
  const files = new Map<string, number>();
  const functions = new Map<string, number>();
  let busy = 0;
  for (const { id, callFrame } of profile.nodes) {
    const own = spent.get(id) ?? 0;
    if (own === 0 || callFrame.functionName === '(idle)') continue;
    busy += own;
    const file = shortFile(callFrame.url);
    add(kinds, kindOf(callFrame.functionName, file), own);
    add(files, file === '' ? callFrame.functionName : file, own);
    const place = file === '' ? '' : ` ${file}:${callFrame.lineNumber + 1}`;
    add(functions, `${callFrame.functionName || '(anonymous)'}${place}`, own);
  }
  return [
    '  by kind',
    ...table(kinds, busy, kinds.size),
    '  by file',
    ...table(files, busy, FILES_SHOWN),
    '  by function',
    ...table(functions, busy, FUNCTIONS_SHOWN),
  ].join('\n');
}

/** The garbage collector, system calls and other native code, Node itself, or a room of ours. */
function kindOf(name: string, file: string): string {
  if (name === '(garbage collector)') return 'garbage collector';
  if (name === '(program)') return 'native, outside of any call';
  if (file === '') return SYSTEM_CALLS.test(name) ? 'system calls' : 'native functions';
  if (file.startsWith('node:')) return 'node';
  return file.includes('node_modules/') ? 'node_modules' : (file.split('/')[0] ?? file);
}

/** From the room on: what is before `dist/` is the same everywhere. */
function shortFile(url: string): string {
  return url.replace(/^file:\/\//, '').replace(/^.*\/(?:dist\/|(?=node_modules\/))/, '');
}

function add(to: Map<string, number>, key: string, value: number): void {
  to.set(key, (to.get(key) ?? 0) + value);
}

function table(of: ReadonlyMap<string, number>, whole: number, most: number): string[] {
  return [...of]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, value]) => `    ${((value * 100) / whole).toFixed(1).padStart(5)} %  ${name}`);
}
