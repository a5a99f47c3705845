// Writes config/kith.schema.json from the schema in src/controller/config-schema.ts.
// Build first: `npm run build && node scripts/generate-schema.mjs`.
import { writeFileSync } from 'node:fs';
import { configJsonSchema } from '../dist/src/controller/config-schema.js';

const file = new URL('../config/kith.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
