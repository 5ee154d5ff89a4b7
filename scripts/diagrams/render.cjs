// Reads a DOT source from stdin and prints its SVG. scripts/erd installs Graphviz, as
// WebAssembly, where NODE_PATH points.
const { instance } = require("@viz-js/viz");

instance().then((viz) => {
  process.stdout.write(viz.renderString(require("fs").readFileSync(0, "utf8"), { format: "svg" }));
});
