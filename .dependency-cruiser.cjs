/**
 * The floors of the house as rules (see CONTRIBUTING.md, "The map of the house"). A room imports only rooms that stand on lower
 * floors, and from another room only what its `index.ts` or `package.ts` gives out.
 */

/** Lowest floor first; rooms on the same floor do not know each other. */
const FLOORS = [
  ['der', 'crypto', 'host'],
  ['sspi'],
  ['ntlm', 'kerberos', 'schannel', 'acceptor'],
  ['negotiate'],
  ['credssp'],
  ['api', 'rdp', 'explain'],
  ['lab'],
  ['http', 'winrm'],
  ['cli'],
];

/**
 * Where Node's own modules may be used: two rooms that are about sockets, the command line, and beside the ports of other rooms
 * what stands behind them on Node.js. Everything else runs wherever JavaScript runs.
 */
const NODE_ONLY =
  '^src/(crypto/node\\.ts$|schannel/|rdp/(accept|certificate|connect|index|tls|wire)\\.ts$|cli/|lab/(listen|middle|nla|self-signed|stranger)\\.ts$|acceptor/file[^/]*\\.ts$|host/node(/|\\.ts$))';

/** What a browser can load: whole rooms; CredSSP through its index, for its package.ts brings TLS; and RDP where TLS is elsewhere. */
const PORTABLE =
  '^src/((der|sspi|ntlm|negotiate|kerberos|explain)/|host/(?!node)|crypto/(?!node\\.ts$)|credssp/index\\.ts$|rdp/external\\.ts$)';

const rooms = FLOORS.flat();

/** For each room, everything under `src` that is not below it. `src/index.ts` is the door above all rooms but the command line. */
const floorRules = FLOORS.flatMap((floor, height) =>
  floor.map((room) => {
    const below = FLOORS.slice(0, height).flat();
    const door = room === 'cli' || room === 'lab' || room === 'http' || room === 'winrm' ? '|index\\.ts$' : '';
    return {
      name: `floor-${room}`,
      comment: `src/${room} may import only from floors below it: ${below.join(', ') || 'none'}`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: `^src/(?!(${[room, ...below].join('|')})/${door})` },
    };
  }),
);

/** What is kept apart from a room's index because it needs Node.js has a door of its own. */
const DOORS = { acceptor: '|file[^/]*', host: '|node' };

/** From another room only its doors. */
const doorRules = rooms.map((room) => ({
  name: `door-${room}`,
  comment: `other rooms enter src/${room} through its index.ts, package.ts${DOORS[room] === undefined ? '' : ` or ${DOORS[room].slice(1)}.ts`}`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/${room}/` },
  to: {
    path: `^src/${room}/`,
    pathNot: `^src/${room}/(index|package${DOORS[room] ?? ''})\\.ts$`,
    dependencyTypesNot: ['aliased'],
  },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...floorRules,
    ...doorRules,
    {
      name: 'no-cycle',
      comment: 'import cycles make the order of initialisation a matter of luck; types may refer to each other',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'node-modules-of-node',
      comment: "protocol code does no I/O: Node's own modules only in the rooms named in .dependency-cruiser.cjs",
      severity: 'error',
      from: { path: '^src/', pathNot: NODE_ONLY },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'portable-stays-portable',
      comment: 'these rooms must load in a browser: they may not reach a Node-only file by any way except #crypto',
      severity: 'error',
      from: { path: PORTABLE },
      to: { path: `${NODE_ONLY}|^src/credssp/package\\.ts$`, pathNot: '^src/crypto/node\\.ts$', reachable: true },
    },
    {
      name: 'crypto-by-condition',
      comment: 'the platform provider is chosen by the package condition behind #crypto, never imported by its path',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/crypto/(node|portable)\\.ts$', dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'no-development-packages',
      comment: 'what is published may depend only on "dependencies"',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'unknown'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'not-to-tools-or-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|tools|scripts|examples)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: `${__dirname}/tsconfig.json` },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'node', 'import'] },
  },
};
