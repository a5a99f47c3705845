import test from 'ava';
import { batchedIoCompliance } from './compliance.ts';
import { Rig } from './rig.ts';

batchedIoCompliance(test, Rig.memory);
