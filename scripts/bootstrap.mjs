// Makes `npm run demo` and `npm test` single commands on a machine that has only Node and npm: installs the packages when they are
// missing or out of date and, with --redis and --pgbouncer, finds these servers for the tests. Built-in modules only.
// This file uses only syntax that Node 12 can parse: an old Node prints the message below instead of a syntax error.
const NODE_NEEDED = [20, 19];

const found = process.versions.node.split(".").map(Number);
const isTooOld = found[0] < NODE_NEEDED[0] || (found[0] === NODE_NEEDED[0] && found[1] < NODE_NEEDED[1]);

if (isTooOld) {
  console.error(
    `bootstrap: CPA Payouts needs Node ${NODE_NEEDED.join(".")} or later, this is Node ${process.versions.node} (${process.execPath}). ` +
      "Install a newer one from nodejs.org and try again.",
  );
  process.exitCode = 1;
} else {
  void import("./bootstrap/main.mjs").then((main) => main.main(process.argv.slice(2)));
}
