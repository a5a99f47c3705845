/** What the kernel says of a process. */
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks of a second in /proc/PID/stat; USER_HZ is 100 wherever Linux runs Node. */
const TICKS = 100;
/** proc(5): utime and stime are fields 14 and 15, and the name in field 2 may hold blanks. */
const USER_TIME = 14 - 3;
const SYSTEM_TIME = 15 - 3;

/** Seconds of processor time that it has used. */
export function processorTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) / TICKS;
}

/** Seconds of processor time that it uses in `seconds`, as a part of one core. */
export async function processorShare(pid: number, seconds: number): Promise<number> {
  const before = processorTime(pid);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  return (processorTime(pid) - before) / seconds;
}

/** Descriptors that it has open. */
export function descriptorCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
