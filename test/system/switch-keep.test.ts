/** Settings of the switch that last longer than the process, from the command line. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KithNode } from '../../integration/qemu/kith-node.ts';
import type { SwitchStatus } from '../../src/controller/node-api-switch.ts';
import { watchProgram } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

/** As its author likes it; nobody else is to write it. */
const CONFIG = `{ "listen": [ "udp://127.0.0.1:0" ],
     "switch": {"ageing":200,   "storm": {"broadcast": 5} }   }`;

systemTest(
  'what is saved outlives the node, and config.json is not touched',
  { needs: [] },
  async (t) => {
    const home = join(temporaryDirectory(t), 'alice');
    mkdirSync(home, { mode: 0o700 });
    const config = join(home, 'config.json');
    writeFileSync(config, CONFIG, { mode: 0o400 });
    const start = async (): Promise<KithNode> => {
      const node = await KithNode.start({ home, name: 'alice', arguments: [] });
      watchProgram(t, node.program);
      return node;
    };
    let node = await start();
    t.regex(
      await node.cli('switch', 'set', '--ageing', '5min'),
      /^until the node ends: ageing \(/m,
    );
    await node.cli('switch', 'address', 'add', '02:00:00:00:00:09', '3');
    await node.stop();
    node = await start();
    t.like(await node.json<SwitchStatus>('switch'), { ageing: 200_000, statics: [], unsaved: [] });

    await node.cli('switch', 'set', '--ageing', '5min', '--hub', 'on');
    await node.cli('switch', 'storm', '--off');
    t.is(
      await node.cli('switch', 'save'),
      'kept for the next start: hub mode, ageing, storm limits\n',
    );
    t.is(statSync(join(home, 'switch.json')).mode & 0o777, 0o600);
    // It is there as soon as the command has ended, whatever becomes of the node.
    await node.program.stop('SIGKILL');
    node = await start();
    t.like(await node.json<SwitchStatus>('switch'), { ageing: 300_000, hub: true, unsaved: [] });
    t.deepEqual((await node.json<SwitchStatus>('switch')).storm.every, {});
    t.regex(await node.cli('switch'), /^kept +hub mode, ageing, storm limits$/m);

    t.regex(await node.cli('switch', 'forget'), /^until the node ends: hub mode, ageing, storm/m);
    t.false(existsSync(join(home, 'switch.json')));
    await node.stop();
    node = await start();
    t.like(await node.json<SwitchStatus>('switch'), { ageing: 200_000, hub: false, kept: [] });
    t.is(readFileSync(config, 'utf8'), CONFIG);
    t.is(statSync(config).mode & 0o777, 0o400);
  },
);
