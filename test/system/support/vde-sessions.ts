/**
 * What is said to vde_switch and to Kith alike, and what may differ in the answers.
 *
 * Expects a switch with ports 1 … 31 and one cable on port 1.
 */

/** Every command with arguments that fit, and with some that do not. */
export const COMPARED_COMMANDS: readonly string[] = [
  ...['help', 'help port', 'help nothing', 'helpvlan', 'showinfo', 'ds/showinfo'],
  ...['port/showinfo', 'hash/showinfo', 'fstp/showinfo', 'fstp/print', 'showinfoX'],
  ...['debug/list', 'debug/list hash', 'debug/list zz', 'plugin/list', 'plugin/add none.so'],
  ...['plugin/del none', 'plugin', 'port', 'port/p', 'foo', '   ', '# a comment', ''],
  ...['port/print', 'port/print 1', 'port/print 0', 'port/print 99', 'port/print x'],
  ...['port/print -1', 'port/print 9', 'port/allprint', 'vlan/print', 'vlan/allprint'],
  ...['port/create 5', 'port/create 5', 'port/create 99', 'port/create -3', 'port/create 0'],
  ...['port/create', 'port/createauto', 'port/createautoX', 'port/allprint', 'port/allprint 5'],
  ...['port/print 5', 'port/allprint 9', 'port/allocatable 3 1', 'port/allocatable 9 1'],
  ...['port/allocatable 3', 'port/allocatable 99 1', 'port/allprint 3', 'port/allocatable 3 0'],
  ...['port/setuser 3 root', 'port/allprint 3', 'port/setuser 3 4711', 'port/setuser 3 zzz'],
  ...['port/setuser 3', 'port/setuser 9 root', 'port/setuser 99 root', 'port/setuser 9 zzz'],
  ...['port/setgroup 3 daemon', 'port/setgroup 3 zzz', 'port/allprint 3', 'port/setuser 3 NONE'],
  ...['port/setgroup 3 ANY', 'port/allprint 3', 'port/epclose 1 9999', 'port/epclose 9 1'],
  ...['port/epclose 99 1', 'port/epclose 1', 'port/resetcounter', 'port/resetcounter 1'],
  ...['port/resetcounter 99', 'port/resetcounter 9', 'port/resetcounter -1'],
  ...['vlan/create 5', 'vlan/create 5', 'vlan/create 0', 'vlan/create 4094', 'vlan/create 4093'],
  ...['vlan/create 4095', 'vlan/create x', 'vlan/create', 'vlan/create -1', 'vlan/addport 5 1'],
  ...['vlan/addport 5 3', 'vlan/addport 5 9', 'vlan/addport 6 1', 'vlan/addport 5'],
  ...['vlan/addport 5 99', 'vlan/addport 5000 9', 'vlan/addport 4094 1', 'vlan/addport 0x5 0x1'],
  ...['vlan/addport 05 01', 'vlan/addport 5x1', 'vlan/print', 'vlan/allprint', 'vlan/print 5'],
  ...['vlan/print 0', 'vlan/allprint 0', 'vlan/allprint 5', 'vlan/print 77', 'vlan/print 5000'],
  ...['vlan/print 4094', 'vlan/print -1', 'port/setvlan 1 5', 'vlan/allprint', 'port/print'],
  ...['vlan/delport 5 1', 'vlan/delport 5 3', 'vlan/delport 5 3', 'vlan/delport 77 3'],
  ...['vlan/delport 5 9', 'vlan/delport 0 1', 'vlan/remove 5', 'port/setvlan 1 4095'],
  ...['port/setvlan 1 4094', 'port/setvlan 1 5000', 'port/setvlan 1 -1', 'port/setvlan 1 77'],
  ...['port/setvlan 9 0', 'port/setvlan 99 0', 'port/setvlan 1', 'vlan/allprint', 'port/print 1'],
  ...['port/setvlan 1 0', 'vlan/remove 5', 'vlan/remove 5', 'vlan/remove 0', 'vlan/remove 4094'],
  ...['vlan/remove 4095', 'vlan/remove 5000', 'vlan/remove -1', 'vlan/addport 4093 3'],
  ...['port/remove 3', 'port/remove 3', 'port/remove 1', 'port/remove 99', 'port/remove 9'],
  ...['port/remove -1', 'vlan/allprint', 'fstp/print', 'fstp/print 0', 'fstp/print 9'],
  ...['fstp/print 9999', 'fstp/setedge 0 1 1', 'fstp/print 0', 'fstp/setedge 0 1 0'],
  ...['fstp/setedge 0 9 1', 'fstp/setedge 0 99 1', 'fstp/setedge 9 1 1', 'fstp/setedge 0 1'],
  ...['fstp/bonus 0 1 100', 'fstp/bonus 0 1', 'fstp/bonus 0 99 1', 'fstp/bonus 9 1 1'],
  ...['fstp/print 0', 'fstp/setfstp 0', 'port/sethub 1', 'port/showinfo', 'port/sethub 0'],
  ...['port/showinfo', 'hash/setsize 256', 'hash/setsize 0', 'hash/setsize -5', 'hash/setsize x'],
  ...['hash/setgcint 5', 'hash/setexpire 50', 'hash/setminper 1', 'hash/showinfo', 'hash/print'],
  ...['hash/find 1:2:3:4:5:6', 'hash/find 1.2.3.4.5.6 7', 'hash/find 1:2:3:4:5', 'hash/find'],
  ...['load /nonexistent/script', 'load', 'load SCRIPT', 'loadSCRIPT', 'port/setnumports 4'],
  ...['port/setnumports 0', 'port/setnumports -1', 'port/setnumports', 'debug/add hash'],
  ...['debug/add hash', 'debug/add zz', 'debug/list', 'debug/del hash/+', 'debug/del hash/+'],
  ...['debug/del zz', 'debug/list hash', 'logout'],
];

/** What `load SCRIPT` loads. */
export const COMPARED_SCRIPT =
  '# a comment\nport/create 7\nshowinfo\nfoo\nlogout\nport/create 8\nshutdown\n';

/** Numbers and names that have to differ, put into one form. */
export function normalised(text: string): string {
  return text
    .replaceAll(/pid[ =]\d+/g, 'pid N')
    .replaceAll(/uptime \d+/g, 'uptime N')
    .replaceAll(/age -?\d+/g, 'age N')
    .replaceAll(/endpoint ID \d+/g, 'endpoint ID N')
    .replaceAll(/FD +\d+/g, 'FD N')
    .replaceAll(/Hash: \d+/g, 'Hash: N')
    .replaceAll(/Hash size (?:128|16384)/g, 'Hash size N')
    .replaceAll(/portcost=\d+/g, 'portcost=N')
    .replaceAll(/Numports=3[12]/g, 'Numports=N')
    .replaceAll(/([0-9a-f]{2}:){7}[0-9a-f]{2}/g, 'BRIDGE')
    .replaceAll(/MAC ([0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC')
    .replaceAll(/^(\(C\) Virtual Square|Kith \d).*$/gm, 'WHO')
    .replaceAll(/^mgmt \S+/gm, 'mgmt PATH')
    .replaceAll(/^ctl dir \S+/gm, 'ctl dir PATH');
}
