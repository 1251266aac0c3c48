// SPDX-License-Identifier: Apache-2.0
// help.tsx - what words mean, what errors mean and how they are mended, and how scripts talk to Reeve.

import { useEffect, useState } from "preact/hooks";
import { Command } from "../parts/basic";
import { link } from "../live";
import { Link } from "../router";
import { words } from "../strings";
import { errors, field_errors, glossary, recipes } from "./help_words";
import { w } from "./words";
import "./style";

function Errors() {
  return (
    <section class="panel" aria-labelledby="errors">
      <header>
        <h2 id="errors">{w.help_errors}</h2>
      </header>
      <p class="muted">{w.help_errors_lead}</p>
      <dl class="catalogue">
        {errors.map((e) => (
          <div key={e.code} id={e.code} class="entry">
            <dt>
              <a href={`/docs/errors#${e.code}`}>
                <code>{e.code}</code>
              </a>{" "}
              <span class="muted">{e.status.join(", ")}</span>
              {e.status.map((s) => (
                <span key={s} id={s} />
              ))}
            </dt>
            <dd>
              <p>{e.means}</p>
              <p>
                <b>{w.help_fix}</b> {e.fix}
              </p>
            </dd>
          </div>
        ))}
      </dl>
      <h3>{w.help_field_errors}</h3>
      <dl class="catalogue">
        {field_errors.map(([code, means]) => (
          <div key={code} id={`field-${code}`} class="entry">
            <dt>
              <code>{code}</code>
            </dt>
            <dd>{means}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Glossary() {
  const [find, set_find] = useState("");
  const shown = glossary.filter(([word, means]) => `${word} ${means}`.toLowerCase().includes(find.trim().toLowerCase()));
  return (
    <section class="panel" aria-labelledby="glossary">
      <header>
        <h2 id="glossary">{w.help_glossary}</h2>
        <label class="inline-field">
          {w.help_find}
          <input type="search" maxLength={60} value={find} onInput={(e) => set_find(e.currentTarget.value)} />
        </label>
      </header>
      <dl class="catalogue">
        {shown.map(([word, means]) => (
          <div key={word} class="entry">
            <dt>{word}</dt>
            <dd>{means}</dd>
          </div>
        ))}
      </dl>
      {shown.length === 0 && <p class="muted">{w.help_none}</p>}
    </section>
  );
}

function Recipes() {
  return (
    <section class="panel" aria-labelledby="recipes">
      <header>
        <h2 id="recipes">{w.help_recipes}</h2>
        <Link to="/api/docs">{w.help_api}</Link>
      </header>
      {recipes(location.origin).map((r) => (
        <div key={r.name} class="recipe">
          <h3>{r.name}</h3>
          <pre class="code" tabIndex={0}>
            {r.text}
          </pre>
        </div>
      ))}
    </section>
  );
}

// Open at what the address points to: problems of the API lead here. Nothing on these pages changes by itself.
function use_target(): void {
  useEffect(() => {
    link.value = { state: "idle" };
    const show = () => {
      const id = decodeURIComponent(location.hash.slice(1));
      document.querySelector(".entry.here")?.classList.remove("here");
      const at = id ? document.getElementById(id) : null;
      at?.closest(".entry")?.classList.add("here");
      at?.scrollIntoView({ block: "center" });
    };
    show();
    addEventListener("hashchange", show);
    return () => removeEventListener("hashchange", show);
  }, []);
}

export function ErrorsPage() {
  useEffect(() => {
    document.title = `${w.help_errors} – ${words.product}`;
  }, []);
  use_target();
  return (
    <div class="home help">
      <h1 class="unseen">{w.help_errors}</h1>
      <Errors />
    </div>
  );
}

export function Help() {
  useEffect(() => {
    document.title = `${words.help} – ${words.product}`;
  }, []);
  use_target();
  return (
    <div class="home help">
      <section class="panel" aria-labelledby="help-title">
        <header>
          <h1 id="help-title">{words.help}</h1>
        </header>
        <p>{w.help_lead}</p>
        <ul class="help-doors">
          {w.help_doors.map(([to, word, what]) => (
            <li key={to}>
              {to.startsWith("#") ? <a href={to}>{word}</a> : <Link to={to}>{word}</Link>}
              <span class="muted">{what}</span>
            </li>
          ))}
        </ul>
        <p class="muted">{w.help_cli}</p>
        <Command line="reeve help" />
        <Command line="reeve explain JOB" />
        <Command line="reeve doctor" />
      </section>
      <Recipes />
      <Errors />
      <Glossary />
    </div>
  );
}
