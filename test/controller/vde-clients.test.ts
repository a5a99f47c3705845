import test from 'ava';
import { onVdeEvent } from '../../src/controller/vde-clients.ts';
import type { VdeServerEvent } from '../../src/switch/vde/vde-server.ts';

type Endpoint = Extract<VdeServerEvent, { type: 'endpoint-added' }>['endpoint'];

test('a port is up with its first client and down with its last', (t) => {
  const told: string[] = [];
  const here: Endpoint[] = [];
  const tell = (event: VdeServerEvent): void =>
    onVdeEvent(event, {
      list: () => here,
      bridge: {
        portUp: (port, kind) => void told.push(`up ${port} ${kind}`),
        portDown: (port) => void told.push(`down ${port}`),
      },
      console: { vdeEvent: (_, last) => void told.push(last ? 'last' : 'told') },
      log: { info: () => {}, warn: (details) => void told.push(JSON.stringify(details)) },
    });
  const [one, two] = ['a', 'b'].map((description) => ({ port: 3, description }) as Endpoint) as [
    Endpoint,
    Endpoint,
  ];
  const done = (): string[] => told.splice(0);
  here.push(one);
  tell({ type: 'endpoint-added', endpoint: one });
  t.deepEqual(done(), ['told', 'up 3 vde']);
  here.push(two);
  tell({ type: 'endpoint-added', endpoint: two });
  t.deepEqual(done(), ['told']);
  here.shift();
  tell({ type: 'endpoint-removed', endpoint: one });
  t.deepEqual(done(), ['told']);
  here.shift();
  tell({ type: 'endpoint-removed', endpoint: two });
  t.deepEqual(done(), ['last', 'down 3'], 'managers hear of it while the port is known');
  tell({ type: 'refused', reason: 'silent' });
  t.deepEqual(done(), ['{"reason":"silent"}']);
});
