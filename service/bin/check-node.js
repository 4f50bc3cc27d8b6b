// Ends the process with one line if this Node.js cannot run the service: it must run TypeScript and know import.meta.main.
// Plain JavaScript, so that an older Node.js can read it. Before 22.18 it must be loaded by --import: a file with types is
// refused there before any line runs.
const REQUIRED = { major: 24, minor: 2 }

const [major, minor] = process.versions.node.split('.').map(Number)

if (major < REQUIRED.major || (major === REQUIRED.major && minor < REQUIRED.minor)) {
  process.stderr.write(
    `chat-auth needs Node.js ${REQUIRED.major}.${REQUIRED.minor} or later, this is ${process.versions.node}. ` +
      'In the checkout run "npm ci" without --ignore-scripts: it installs one for "npm start" and "npx chat-auth".\n',
  )
  process.exit(1)
}
