/**
 * `npm run fuzz`: changes real messages at random and holds every parser to its word.
 *
 *   npm run fuzz                                  a minute, all targets
 *   npm run fuzz -- --seconds 3600                for longer
 *   npm run fuzz -- handshake-payload bpdu        these targets only
 *   npm run fuzz -- --seed 7                      the same inputs once more
 *   npm run fuzz -- ticket --input 6b697468       one input, in hex
 *   npm run fuzz -- --write-corpus                the corpus anew, after a format has changed
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type Finding, fuzz, judge, TARGETS, writeCorpus } from './runner.ts';
import type { Target } from './target.ts';

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    input: { type: 'string' },
    'write-corpus': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

process.exitCode = await main();

async function main(): Promise<number> {
  if (values['write-corpus']) {
    writeCorpus();
    return 0;
  }
  const unknown = positionals.find((name) => !TARGETS.some((target) => target.name === name));
  const seconds = Number(values.seconds);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  if (unknown !== undefined || !(seconds > 0) || !Number.isInteger(seed)) {
    const names = TARGETS.map(({ name }) => name).join(', ');
    console.error(`give seconds, a whole seed, and targets of these: ${names}`);
    return 2;
  }
  const targets = TARGETS.filter(
    ({ name }) => positionals.length === 0 || positionals.includes(name),
  );
  if (values.input !== undefined) return await once(targets, Buffer.from(values.input, 'hex'));
  console.log(`seed ${seed}, ${seconds} s for ${targets.length} targets`);
  let failed = 0;
  for (const target of targets) {
    const milliseconds = (seconds * 1000) / targets.length;
    const { inputs, finding } = await fuzz(target, seed, { milliseconds });
    console.log(`${finding ? '✘' : '✔'} ${target.name.padEnd(20)} ${inputs} inputs`);
    if (finding === undefined) continue;
    failed++;
    report(finding);
  }
  return failed > 0 ? 1 : 0;
}

async function once(targets: readonly Target[], input: Uint8Array): Promise<number> {
  let failed = 0;
  for (const target of targets) {
    const subject = target.make();
    const error = await judge(subject.check, input);
    subject.close?.();
    console.log(`${error ? '✘' : '✔'} ${target.name}`);
    if (error === undefined) continue;
    failed++;
    console.log(error.stack);
  }
  return failed > 0 ? 1 : 0;
}

function report({ target, seed, input, error }: Finding): void {
  const hex = Buffer.from(input).toString('hex');
  console.log(`${error.stack}\n`);
  console.log(`once more: npm run fuzz -- ${target} --input ${hex}`);
  if (seed !== undefined)
    console.log(`or, with all before it: npm run fuzz -- ${target} --seed ${seed}`);
}
