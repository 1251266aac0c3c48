// SPDX-License-Identifier: Apache-2.0
// code.ts - the editor itself: CodeMirror, which comes when the first text of a program is opened.
//
// It lives in a shadow root: there its styles are constructed sheets, which a policy without inline styles lets be.
// Colours are the page's own variables, which reach through.

import { autocompletion, completionKeymap, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentUnit, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { yaml } from "@codemirror/legacy-modes/mode/yaml";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { Compartment, EditorState, Transaction } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";

export interface Mark {
  line: number; // from 1; others are left out
  tone: "error" | "warning" | "info";
  text: string;
}

// A word that may be completed: what is offered for it.
export interface Offer {
  word: string;
  detail: string;
  help: string;
  rank: number; // higher comes first
}
// What could stand at the end of this piece of a line, and how much of the piece it replaces.
export type Offers = (line: string) => Promise<{ replaces: number; offers: Offer[] } | null>;

export interface Options {
  text: string;
  mode: "shell" | "yaml";
  label: string;
  hint_id: string; // text beside it that describes it
  lines: number;
  changed: (text: string) => void;
  offers: Offers;
}

export interface Code {
  set: (text: string) => void;
  mark: (marks: Mark[]) => void;
  go_to: (line: number) => void;
  end: () => void;
}

const colours = HighlightStyle.define([
  { tag: [t.comment, t.lineComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [t.meta, t.processingInstruction], color: "var(--busy)" },
  { tag: [t.keyword, t.operatorKeyword, t.controlKeyword], color: "var(--accent)", fontWeight: "600" },
  { tag: [t.string, t.special(t.string)], color: "var(--good)" },
  { tag: [t.number, t.bool, t.atom], color: "var(--warn)" },
  { tag: [t.variableName, t.definition(t.variableName), t.attributeName, t.propertyName], color: "var(--busy)" },
]);

const looks = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--raised)", border: "1px solid var(--line-strong)", borderRadius: "6px", fontSize: "13.5px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5", maxHeight: "70vh", overflow: "auto" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--muted)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--calm-ground)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "light-dark(#bcd3fb, #294a80)" },
  ".cm-matchingBracket": { outline: "1px solid var(--line-strong)", backgroundColor: "transparent" },
  ".cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "6px", maxWidth: "min(32em, 90vw)" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-ground)", color: "var(--on-accent)" },
  ".cm-completionDetail": { opacity: "0.85", fontStyle: "normal" },
  ".cm-completionInfo": { padding: "6px 10px", fontFamily: "var(--font)" },
  // Marks of their own instead of the packaged ones, which are images in addresses.
  ".cm-lintRange": { backgroundImage: "none !important", textDecoration: "underline wavy", textUnderlineOffset: "3px" },
  ".cm-lintRange-error": { textDecorationColor: "var(--bad)" },
  ".cm-lintRange-warning": { textDecorationColor: "var(--warn)" },
  ".cm-lintRange-info": { textDecorationColor: "var(--calm)" },
  ".cm-lint-marker": { width: "9px", height: "9px", margin: "6px 2px", content: "none !important" },
  ".cm-lint-marker-error": { backgroundColor: "var(--bad)" },
  ".cm-lint-marker-warning": { backgroundColor: "var(--warn)", transform: "rotate(45deg)" },
  ".cm-lint-marker-info": { border: "2px solid var(--line-strong)", borderRadius: "50%" },
  ".cm-diagnostic": { fontFamily: "var(--font)", padding: "4px 8px" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--bad)" },
  ".cm-diagnostic-warning": { borderLeft: "4px solid var(--warn)" },
  ".cm-diagnostic-info": { borderLeft: "4px solid var(--calm)" },
});

const languages = { shell: StreamLanguage.define(shell), yaml: StreamLanguage.define(yaml) };

async function complete(offers: Offers, at: CompletionContext): Promise<CompletionResult | null> {
  const line = at.state.doc.lineAt(at.pos);
  const said = await offers(at.state.sliceDoc(line.from, at.pos));
  if (!said || said.offers.length === 0 || (said.replaces === 0 && !at.explicit)) return null;
  return {
    from: at.pos - said.replaces,
    options: said.offers.map((o): Completion => ({ label: o.word, detail: o.detail, info: o.help, boost: o.rank })),
    validFor: /^#?[\w-]*$/,
  };
}

function diagnostics(view: EditorView, marks: Mark[]): Diagnostic[] {
  const { doc } = view.state;
  return marks
    .filter((m) => m.line >= 1 && m.line <= doc.lines)
    .map((m) => {
      const line = doc.line(m.line);
      return { from: line.from + (line.text.length - line.text.trimStart().length), to: line.to, severity: m.tone, message: m.text };
    })
    .sort((a, b) => a.from - b.from);
}

// What is typed over a selection goes in here: a browser would keep the looks of what was there as an inline style, which
// the page's policy forbids, and say so.
const typed_over = EditorView.domEventHandlers({
  beforeinput: (e, view) => {
    if (e.inputType !== "insertText" || e.data === null || view.composing || view.state.readOnly) return false;
    e.preventDefault();
    view.dispatch(view.state.replaceSelection(e.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

export function code_open(host: HTMLElement, o: Options): Code {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const described = document.getElementById(o.hint_id)?.textContent ?? "";
  const mode = new Compartment();
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: o.text,
      extensions: [
        lineNumbers(),
        history(),
        highlightSpecialChars(), // marks that turn a line around, or hide: the text may be somebody else's
        drawSelection(),
        bracketMatching(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        lintGutter(),
        indentUnit.of("  "),
        mode.of(languages[o.mode]),
        syntaxHighlighting(colours),
        autocompletion({ override: [(at) => complete(o.offers, at)], icons: false }),
        keymap.of([...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab]),
        typed_over,
        looks,
        EditorView.theme({ ".cm-content, .cm-gutter": { minHeight: `${o.lines * 1.5}em` } }),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": o.label, "aria-description": described, spellcheck: "false", autocapitalize: "off", autocorrect: "off" }),
        EditorView.updateListener.of((u) => u.docChanged && !u.transactions.some((tr) => tr.annotation(Transaction.remote)) && o.changed(u.state.doc.toString())),
      ],
    }),
  });
  return {
    set: (text) => {
      if (text !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, annotations: Transaction.remote.of(true) });
    },
    mark: (marks) => view.dispatch(setDiagnostics(view.state, diagnostics(view, marks))),
    go_to: (n) => {
      const line = view.state.doc.line(Math.max(1, Math.min(n, view.state.doc.lines)));
      view.dispatch({ selection: { anchor: line.from }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
      view.focus();
    },
    end: () => {
      view.destroy();
      root.replaceChildren();
    },
  };
}
