/**
 * `npm run picture`: draws the picture at the head of the README from a run of `sspi logon`.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { excerpt, logonLines } from './excerpt.ts';
import { terminalSvg } from './svg.ts';

const path = fileURLToPath(new URL('../../docs/logon.svg', import.meta.url));
const lines = excerpt(await logonLines());
writeFileSync(path, terminalSvg(lines, 'sspi logon: a logon by Kerberos step by step, and logons that must fail'));
console.log(`docs/logon.svg: ${lines.length} lines`);
