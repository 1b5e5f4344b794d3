// A rule for oxlint that finds nothing wrong: it reports each function with its name and length, for scripts/functions.mjs.

/** The functions of vitest, and those named after them, such as `describeOnBackends`. */
const TEST_CALL = /^(describe|it|test)([A-Z]|$)/;

const length = {
  create(context) {
    const report = (node) => {
      if (isTestCallback(node)) return;
      const lines = node.loc.end.line - node.loc.start.line + 1;
      context.report({ node, message: JSON.stringify({ name: nameOf(node), lines }) });
    };
    return { FunctionDeclaration: report, FunctionExpression: report, ArrowFunctionExpression: report };
  },
};

/** Whether a function is the body of a test or of a group of tests, also by way of `it.each(...)` or `describe.skipIf(...)`. */
function isTestCallback({ parent }) {
  return parent.type === "CallExpression" && TEST_CALL.test(rootOf(parent.callee).name);
}

function rootOf(callee) {
  const inner = callee.object ?? callee.callee;
  return inner ? rootOf(inner) : callee;
}

function nameOf({ id, parent }) {
  return (id ?? parent.id ?? parent.key)?.name ?? null;
}

export default { meta: { name: "functions" }, rules: { length } };
