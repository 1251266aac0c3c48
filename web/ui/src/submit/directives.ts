// SPDX-License-Identifier: Apache-2.0
// directives.ts - options that stand in a script, "#SBATCH ..." and "#REEVE ...", as far as the form has a field for
// them. The command line knows many more; what is not taken over is named. Pure.

import { argv_of } from "../argv";
import type { Values } from "./body";

export interface Directive {
  line: number;
  text: string;
  field: string | null; // null: the form has none
  value: string;
}

const LINES_MAX = 2000;

// Slurm's: minutes, mm:ss, hh:mm:ss, d-hh, d-hh:mm, d-hh:mm:ss.
function slurm_time(v: string): string {
  const m = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(v);
  if (!m) return v;
  const [a, b, c] = [Number(m[2]), m[3] === undefined ? null : Number(m[3]), m[4] === undefined ? null : Number(m[4])];
  const days = m[1] === undefined ? null : Number(m[1]);
  let s: number;
  if (days !== null) s = days * 86_400 + a * 3600 + (b ?? 0) * 60 + (c ?? 0);
  else if (c !== null) s = a * 3600 + b! * 60 + c;
  else if (b !== null) s = a * 60 + b;
  else s = a * 60;
  return `${s}s`;
}

// Without a unit Slurm means megabytes.
const slurm_size = (v: string) => (/^\d+$/.test(v) ? `${v}M` : v);
const same = (v: string) => v;

interface Known {
  names: string[];
  field: string;
  turn: (v: string) => string;
}

const slurm: Known[] = [
  { names: ["-J", "--job-name"], field: "name", turn: same },
  { names: ["-a", "--array"], field: "array", turn: same },
  { names: ["-c", "--cpus-per-task"], field: "cpus", turn: same },
  { names: ["--mem"], field: "memory", turn: slurm_size },
  { names: ["-t", "--time"], field: "time_limit", turn: slurm_time },
  { names: ["-D", "--chdir"], field: "workdir", turn: same },
];
const native: Known[] = [
  { names: ["-n", "--name"], field: "name", turn: same },
  { names: ["-p", "--project"], field: "project", turn: same },
  { names: ["-a", "--array"], field: "array", turn: same },
  { names: ["-c", "--cpus"], field: "cpus", turn: same },
  { names: ["-m", "--memory"], field: "memory", turn: same },
  { names: ["-g", "--gpus"], field: "gpus", turn: same },
  { names: ["-t", "--time"], field: "time_limit", turn: same },
  { names: ["-w", "--workdir"], field: "workdir", turn: same },
  { names: ["--priority"], field: "priority", turn: same },
  { names: ["--retries"], field: "retries", turn: same },
];

function read(words: string[], known: Known[], line: number, text: string): Directive[] {
  const out: Directive[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const joined = /^-[A-Za-z]./.test(word);
    const name = equals > 0 ? word.slice(0, equals) : joined ? word.slice(0, 2) : word;
    const k = known.find((x) => x.names.includes(name));
    const next = words[i + 1];
    const takes = equals < 0 && !joined && next !== undefined && !next.startsWith("-");
    const value = equals > 0 ? word.slice(equals + 1) : joined ? word.slice(2) : takes ? next : "";
    if (takes) i++;
    out.push({ line, text, field: k?.field ?? null, value: k ? k.turn(value) : value });
  }
  return out;
}

// Those in front of the first command, as sbatch reads them.
export function directives_of(script: string): Directive[] {
  const found: Directive[] = [];
  const lines = script.split("\n").slice(0, LINES_MAX);
  for (const [i, line] of lines.entries()) {
    if (line.trim() !== "" && !line.startsWith("#")) break;
    const m = /^#(SBATCH|REEVE)\s+(.*)$/.exec(line);
    if (!m) continue;
    const words = argv_of(m[2]!.replace(/(^|\s)#.*$/, ""));
    if (words === null) found.push({ line: i + 1, text: line, field: null, value: "" });
    else found.push(...read(words, m[1] === "SBATCH" ? slurm : native, i + 1, line));
  }
  return found;
}

export function directives_apply(v: Values, found: Directive[]): Values {
  const values = { ...v };
  for (const d of found) if (d.field && d.value) values[d.field] = d.value;
  return values;
}
