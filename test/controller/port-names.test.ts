import test from 'ava';
import { type NamedPorts, PortNames, portNamed } from '../../src/controller/port-names.ts';

test('a name means one port, and first what the configuration calls so', (t) => {
  const [ada, bob, eve] = ['aa', 'bb', 'ee'].map((each) => each.repeat(20)) as [
    string,
    string,
    string,
  ];
  const ports: NamedPorts = {
    configured: [{ uid: ada, name: 'ada' }, { uid: bob }],
    friends: [
      { uid: eve, name: 'ada', port: 515 },
      { uid: ada, name: 'ada', port: 513 },
      { uid: bob, name: 'bob', port: 514 },
    ],
    taps: [{ name: 'kith0', port: 3 }],
  };
  const named = (reference: string | number): number | undefined => portNamed(reference, ports);
  t.is(named(77), 77);
  t.is(named('ada'), 513);
  t.is(named(eve), 515);
  t.is(named(eve.toUpperCase()), 515);
  t.is(named('bob'), 514);
  t.is(named('kith0'), 3);
  t.is(named('nobody'), undefined);
  t.is(portNamed('ada', { ...ports, configured: [] }), undefined, 'two call themselves so');
});

test('names follow who comes and goes; before that, numbers are all there is', (t) => {
  const [ada, eve] = ['aa'.repeat(20), 'ee'.repeat(20)];
  const names = new PortNames([{ uid: ada, name: 'boss' }]);
  t.deepEqual([names.resolve(7), names.resolve('boss')], [7, undefined]);
  const friends = [{ uid: ada, name: 'ada', port: 513 }];
  const taps = [{ name: 'kith0', port: 3 }];
  names.follow({ friends: () => friends, taps: () => taps });
  t.deepEqual(
    [names.resolve('boss'), names.resolve('kith0'), names.resolve(eve)],
    [513, 3, undefined],
  );
  friends.push({ uid: eve, name: 'boss', port: 514 });
  taps.pop();
  t.deepEqual(
    [names.resolve('boss'), names.resolve('kith0'), names.resolve(eve)],
    [513, undefined, 514],
  );
});
