// Runs Lox programs in a module of WebAssembly, and compares what they print. Arguments: the module, then programs; beside each
// `name.lox` lies `name.expected`.
import { readFileSync } from "node:fs";

const policies = ["roots-first", "insertion", "deletion", "watermark", "hybrid", "stop-the-world"];
const [file, ...programs] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));
let failed = 0;
for (const program of programs) {
    const source = readFileSync(program);
    const expected = readFileSync(program.replace(/\.lox$/, ".expected"), "utf8");
    for (const [number, policy] of policies.entries()) {
        for (const stress of program.includes("binary_trees") ? [0] : [0, 1]) {
            // A module of its own for each run: a trap ends no other.
            const { memory, room, run, printed, printed_bytes, figure } = new WebAssembly.Instance(module).exports;
            const what = `${program} under ${policy}${stress ? " and stress" : ""}`;
            try {
                const at = room(source.length);
                new Uint8Array(memory.buffer, at, source.length).set(source);
                const code = run(number, stress);
                const text = new TextDecoder().decode(new Uint8Array(memory.buffer, printed(), printed_bytes()));
                if (code !== 0 || text !== expected) {
                    failed += 1;
                    console.error(`${what}: exit code ${code}, and printed:\n${text}`);
                } else {
                    const mib = (bytes) => (bytes / (1 << 20)).toFixed(1);
                    console.log(`${what}: ${figure(0)} cycles, heap ${mib(figure(1))} MiB, module ${mib(memory.buffer.byteLength)} MiB`);
                }
            } catch (error) {
                failed += 1;
                console.error(`${what}: ${error.stack.split("\n").slice(0, 14).join("\n")}`);
            }
        }
    }
}
if (failed > 0) {
    console.error(`${failed} runs failed`);
    process.exit(1);
}
