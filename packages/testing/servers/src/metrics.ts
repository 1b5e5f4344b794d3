const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? (-?[\d.e+-]+|[+-]Inf|[Nn]a[Nn])$/;
const TYPES = new Set(["counter", "gauge", "histogram", "summary"]);

/**
 * Reads Prometheus' text format as strictly as its own parser: every line is well-formed, every sample is unique and belongs
 * to a family that is described exactly once, above the sample.
 *
 * @returns each sample's value by its name and labels, as they are written
 */
export function parseMetrics(text: string): ReadonlyMap<string, number> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const helped = new Set<string>();
  const typed = new Set<string>();
  const samples = new Map<string, number>();
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const [, keyword = "", family = "", rest = ""] = COMMENT.exec(line) ?? [];
    if (keyword !== "") {
      const seen = keyword === "HELP" ? helped : typed;
      if (seen.has(family)) throw new Error(`a second time: ${line}`);
      if (keyword === "TYPE" && !TYPES.has(rest)) throw new Error(`an unknown type: ${line}`);
      seen.add(family);
      continue;
    }
    const [, name = "", labels = "", value = ""] = SAMPLE.exec(line) ?? [];
    if (name === "") throw new Error(`not well-formed: ${line}`);
    const base = name.replace(/_(bucket|sum|count)$/, "");
    if (!typed.has(name) && !typed.has(base)) throw new Error(`of no family: ${line}`);
    if (samples.has(name + labels)) throw new Error(`a second time: ${line}`);
    samples.set(name + labels, Number(value.replace("Inf", "Infinity")));
  }
  return samples;
}
