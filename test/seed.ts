/**
 * Loaded before each test file: what the property tests draw is the same in every
 * run, so that a gate that was green stays green until somebody changes something.
 * Who looks for what nobody thought of gives a seed: `npm test -- --seed random`.
 */
import fc from 'fast-check';

const DEFAULT_SEED = 1;

fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  seed: Number(process.env.KITH_TEST_SEED ?? DEFAULT_SEED),
});
