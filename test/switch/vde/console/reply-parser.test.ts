import test from 'ava';
import fc from 'fast-check';
import { Errno, SUCCESS } from '../../../../src/switch/vde/console/errno.ts';
import {
  banner,
  FAREWELL,
  formatEvent,
  formatReply,
  PROMPT,
} from '../../../../src/switch/vde/console/reply.ts';
import {
  type ConsoleMessage,
  ReplyParser,
} from '../../../../src/switch/vde/console/reply-parser.ts';

const GREETING = banner('somebody') + PROMPT;

/** Feeds a stream in pieces of `cut` octets. */
function parse(text: string, cut = Number.POSITIVE_INFINITY): ConsoleMessage[] {
  const parser = new ReplyParser();
  const stream = Buffer.from(text);
  const messages: ConsoleMessage[] = [];
  for (let at = 0; at < stream.length; at += cut) {
    messages.push(...parser.push(stream.subarray(at, at + cut)));
  }
  return messages;
}

test('a session of vde_switch 2.3.2', (t) => {
  const said = [
    'VDE switch V.2.3.2\n(C) Virtual Square Team\n\nvde$ ',
    "0000 DATA END WITH '.'\nctl dir /tmp/sw\n1000 is data here\n.\n1000 Success\n\nvde$ ",
    '3011 hash/+ 02:00:00:00:00:01 VLAN 00:00 Port 1\n',
    '1022 Invalid argument\n\nvde$ ',
    '\nvde$ ',
    '9999 END OF SESSION',
  ];
  const expected: ConsoleMessage[] = [
    { kind: 'greeting', text: 'VDE switch V.2.3.2\n(C) Virtual Square Team\n' },
    {
      kind: 'answer',
      lines: ['ctl dir /tmp/sw', '1000 is data here'],
      status: 0,
      text: 'Success',
    },
    { kind: 'event', line: '3011 hash/+ 02:00:00:00:00:01 VLAN 00:00 Port 1' },
    { kind: 'answer', lines: [], status: 22, text: 'Invalid argument' },
    { kind: 'answer', lines: [], status: undefined, text: '' },
    { kind: 'farewell' },
  ];
  for (const cut of [1, 2, 3, 7, 64, 4096]) t.deepEqual(parse(said.join(''), cut), expected);
});

test('a script: all it printed but the last status', (t) => {
  const said = 'vde[a]: x\n1038 Function not implemented\nvde[a]: showinfo\n';
  const data = "0000 DATA END WITH '.'\npid 1\n.\n1000 Success\n1000 Success\n\nvde$ ";
  t.deepEqual(parse(`${GREETING}${said}${data}`, 5).slice(1), [
    {
      kind: 'answer',
      lines: [
        'vde[a]: x',
        '1038 Function not implemented',
        'vde[a]: showinfo',
        'pid 1',
        '1000 Success',
      ],
      status: 0,
      text: 'Success',
    },
  ]);
});

test('what the console writes is read again, however it is cut', (t) => {
  const line = fc.stringMatching(/^[ -~]{1,40}$/);
  const reply = fc.record({
    lines: fc.option(fc.array(line, { maxLength: 5 }), { nil: undefined }),
    status: fc.constantFrom(SUCCESS, ...Object.values(Errno)),
    events: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(reply), fc.integer({ min: 1, max: 60 }), (replies, cut) => {
      let said = GREETING;
      for (const { lines, status, events } of replies) {
        said += formatEvent(0o021, 'port/+', '01').repeat(events);
        said += formatReply(lines, status) + PROMPT;
      }
      const messages = parse(said + FAREWELL, cut);
      t.is(messages.at(0)?.kind, 'greeting');
      t.is(messages.at(-1)?.kind, 'farewell');
      const answers = messages.flatMap((message) => (message.kind === 'answer' ? [message] : []));
      t.deepEqual(
        answers.map(({ status, lines }) => ({ status, lines })),
        replies.map(({ status, lines = [] }) => ({
          status,
          lines: lines.map((text) => (text === '.' ? '. ' : text)),
        })),
      );
      const events = messages.filter(({ kind }) => kind === 'event').length;
      t.is(
        events,
        replies.reduce((sum, each) => sum + each.events, 0),
      );
    }),
  );
});

test('nothing that comes in breaks it', (t) => {
  const piece = fc.oneof(
    fc.uint8Array(),
    fc
      .constantFrom(PROMPT, FAREWELL, '.\n', "0000 DATA END WITH '.'\n", '1000 x\n', '\n')
      .map((text) => Uint8Array.from(Buffer.from(text))),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const parser = new ReplyParser();
      for (const bytes of pieces) t.true(Array.isArray(parser.push(bytes)));
    }),
  );
});
