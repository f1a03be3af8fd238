// Says what is missing before anything is installed: the repository's scripts run TypeScript as it is, which Node does from
// 22.18 on. On Linux on x64 such a Node is installed with the dependencies; elsewhere it must be there.
const [major, minor] = process.versions.node.split(".").map(Number);
const brings = process.platform === "linux" && process.arch === "x64";
const [wantMajor, wantMinor] = brings ? [20, 19] : [22, 18];
if (major < wantMajor || (major === wantMajor && minor < wantMinor)) {
  console.error(
    `This repository needs Node ${wantMajor}.${wantMinor} or newer on ${process.platform} (${process.arch}); this is ` +
      `Node ${process.versions.node}. The packages themselves run on Node 20.19.`,
  );
  process.exit(1);
}
