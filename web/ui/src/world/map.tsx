// SPDX-License-Identifier: Apache-2.0
// map.tsx - the sites on a map of the world: how free each is, what moves between them. The list beside it says the same.

import { useEffect, useRef, useState } from "preact/hooks";
import { coast } from "virtual:coast";
import { Section, State, Text } from "../parts/basic";
import { Ask } from "../parts/dialog";
import { bytes, count, visible } from "../format";
import { go, Link, query_set } from "../router";
import { look_of } from "../states";
import type { Site } from "../types";
import { graticule, HEIGHT, project, WIDTH } from "./earth";
import { api_command, may_govern } from "./may";
import type { LinkInfo } from "./types";
import { w } from "./words";

export interface Placed extends Site {
  place?: { latitude: number; longitude: number; name: string | null } | null;
}

// Pixels of the screen; `unit` turns them into lengths of the picture, which is drawn larger or smaller than that.
const NEAR = 26; // dots closer than this make room for each other
const DOT = { least: 5, most: 14 };
const LETTERS_PX = 11.5;
const FIRST_WIDTH = 900; // until the picture has been measured

interface Dot {
  site: Placed;
  x: number;
  y: number;
  free: number;
}

interface View {
  x: number;
  y: number;
  width: number;
  height: number;
}

// What could start there now.
const free_of = (s: Site) => (s.health === "up" && s.intent === "open" ? Math.max(0, (s.capacity?.cpus ?? 0) - (s.used?.cpus ?? 0)) : 0);

function dots_of(sites: Placed[]): Dot[] {
  return sites.flatMap((site) => {
    if (!site.place) return [];
    const [x, y] = project(site.place.longitude, site.place.latitude);
    return [{ site, x, y, free: free_of(site) }];
  });
}

// Those on one spot stand around it in a ring, so that each can be seen and hit.
function apart(dots: Dot[], near: number): Dot[] {
  const groups: Dot[][] = [];
  for (const d of dots) {
    const group = groups.find((g) => Math.hypot(g[0]!.x - d.x, g[0]!.y - d.y) < near);
    if (group) group.push(d);
    else groups.push([d]);
  }
  return groups.flatMap((g) => {
    if (g.length === 1) return g;
    const [cx, cy] = [g[0]!.x, g[0]!.y];
    const ring = Math.max(near * 0.7, (g.length * near) / (2 * Math.PI));
    const angle = (i: number) => (2 * Math.PI * i) / g.length - Math.PI / 2;
    return g.map((d, i) => ({ ...d, x: cx + ring * Math.cos(angle(i)), y: cy + ring * Math.sin(angle(i)) }));
  });
}

// A window around the dots, not all of the world when they stand close together.
function view_of(dots: Dot[]): View {
  if (dots.length === 0) return { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  const xs = dots.map((d) => d.x);
  const ys = dots.map((d) => d.y);
  const wide = Math.max(WIDTH * 0.16, (Math.max(...xs) - Math.min(...xs)) * 1.5, (Math.max(...ys) - Math.min(...ys)) * 1.7 * (WIDTH / HEIGHT));
  const width = Math.min(WIDTH, wide);
  const height = (width * HEIGHT) / WIDTH;
  const clamp = (v: number, most: number) => Math.max(0, Math.min(most, v));
  const x = clamp((Math.max(...xs) + Math.min(...xs) - width) / 2, WIDTH - width);
  const y = clamp((Math.max(...ys) + Math.min(...ys) - height) / 2, HEIGHT - height);
  return { x, y, width, height };
}

function Arc({ a, b, of: l, most, unit }: { a: Dot; b: Dot; of: LinkInfo; most: number; unit: number }) {
  const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const width = unit * (l.rate ? 1 + 3 * Math.sqrt(l.rate / most) : 1);
  return (
    <path class={`arc ${l.active > 0 ? "moves" : ""}`} d={`M${a.x.toFixed(1)} ${a.y.toFixed(1)}Q${(mx - dy * 0.18).toFixed(1)} ${(my + dx * 0.18).toFixed(1)} ${b.x.toFixed(1)} ${b.y.toFixed(1)}`} stroke-width={width.toFixed(2)}>
      <title>{`${l.from} → ${l.to}: ${l.rate ? w.rate(bytes(l.rate)) : w.rate_unknown}${l.active ? `, ${w.link_active(count(l.active))}` : ""}`}</title>
    </path>
  );
}

function PlaceForm({ of: s, close }: { of: Placed; close: (acted: boolean) => void }) {
  const [name, set_name] = useState(s.place?.name ?? "");
  const [latitude, set_latitude] = useState(String(s.place?.latitude ?? ""));
  const [longitude, set_longitude] = useState(String(s.place?.longitude ?? ""));
  const empty = latitude.trim() === "" && longitude.trim() === "";
  const body = { place: empty ? null : { latitude: Number(latitude), longitude: Number(longitude), ...(name.trim() ? { name: name.trim() } : {}) } };
  const wrong = !empty && ![latitude, longitude].every((t) => /^-?\d{1,3}(\.\d+)?$/.test(t.trim()));
  const set = [
    [w.place_name, name, set_name, w.place_name_hint],
    [w.place_latitude, latitude, set_latitude, w.place_latitude_hint],
    [w.place_longitude, longitude, set_longitude, w.place_longitude_hint],
  ] as const;
  const path = `/v1/sites/${encodeURIComponent(s.name)}`;
  const question = {
    title: w.place_title(visible(s.name, 64)),
    text: <p>{w.place_text}</p>,
    yes: w.place_yes,
    call: { method: "PATCH" as const, path, body },
    command: api_command("PATCH", path, body),
    done: () => w.place_done,
    barred: wrong,
  };
  return (
    <Ask of={question} close={close}>
      {set.map(([label, value, change, hint], i) => (
        <label key={label} class="field">
          <span>{label}</span>
          <input type="text" data-first={i === 0 ? "" : undefined} maxLength={100} value={value} onInput={(e) => change(e.currentTarget.value)} />
          <small>{hint}</small>
        </label>
      ))}
    </Ask>
  );
}

interface MapProps {
  sites: Placed[];
  links: LinkInfo[];
  only: string | null; // the site whose links are shown
  changed: () => void;
}

export function WorldMap({ sites, links, only, changed }: MapProps) {
  const [asked, set_asked] = useState<Placed | null>(null);
  const [pixels, set_pixels] = useState(FIRST_WIDTH);
  const picture = useRef<SVGSVGElement>(null);
  useEffect(() => {
    const eye = new ResizeObserver(() => set_pixels(picture.current?.clientWidth || FIRST_WIDTH));
    if (picture.current) eye.observe(picture.current);
    return () => eye.disconnect();
  }, []);
  const loose = dots_of(sites);
  const view = view_of(loose);
  const unit = view.width / pixels;
  const dots = apart(loose, NEAR * unit);
  const most_free = Math.max(1, ...dots.map((d) => d.free));
  const radius = (d: Dot) => unit * (DOT.least + (DOT.most - DOT.least) * Math.sqrt(d.free / most_free));
  const by_name = new Map(dots.map((d) => [d.site.name, d]));
  const most = Math.max(1, ...links.map((l) => l.rate ?? 0));
  const arcs = links.filter((l) => !only || l.from === only || l.to === only);
  const follow = (e: MouseEvent, to: string) => {
    if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey) return;
    e.preventDefault();
    go(to);
  };
  return (
    <Section id="map" title={w.map} aside={<span class="muted">{w.map_lead}</span>}>
      <div class="map-and-list">
        <svg ref={picture} class="map" viewBox={[view.x, view.y, view.width, view.height].map((v) => v.toFixed(1)).join(" ")} role="group" aria-label={w.map_label}>
          <path class="graticule" d={graticule} />
          <path class="coast" d={coast} />
          {arcs.map((l) => {
            const [a, b] = [by_name.get(l.from ?? ""), by_name.get(l.to ?? "")];
            return a && b && a !== b ? <Arc key={`${l.from} ${l.to}`} a={a} b={b} of={l} most={most} unit={unit} /> : null;
          })}
          {dots.map((d) => {
            const to = `/sites/${encodeURIComponent(d.site.name)}`;
            const { tone, word } = look_of("health", d.site.health);
            return (
              <a key={d.site.name} href={to} class={`dot ${tone}`} onClick={(e) => follow(e, to)}>
                <title>{`${visible(d.site.name, 64)}, ${word}, ${w.free(count(d.free))}`}</title>
                <circle cx={d.x} cy={d.y} r={radius(d)} stroke-width={1.3 * unit} />
                {d.site.health !== "up" && <path class="mark" stroke-width={1.6 * unit} d={`M${d.x - 3 * unit} ${d.y - 3 * unit}l${6 * unit} ${6 * unit}m0 ${-6 * unit}l${-6 * unit} ${6 * unit}`} />}
                <text x={d.x + radius(d) + 3 * unit} y={d.y + 4 * unit} font-size={LETTERS_PX * unit} stroke-width={3 * unit}>
                  {visible(d.site.name, 24)}
                </text>
              </a>
            );
          })}
        </svg>
        <ul class="map-list">
          {sites.map((s) => (
            <li key={s.name}>
              <Link to={`/sites/${encodeURIComponent(s.name)}`}>
                <Text of={s.name} max={64} />
              </Link>
              <State machine="health" of={s.health} />
              <span class="muted">{w.free(count(free_of(s)))}</span>
              {s.place?.name && (
                <span class="muted">
                  <Text of={s.place.name} max={60} />
                </span>
              )}
              {only !== s.name && (
                <button type="button" class="quiet" onClick={() => query_set({ site: s.name })}>
                  {w.its_links} <span class="unseen">{visible(s.name, 64)}</span>
                </button>
              )}
              {may_govern(s.name) && (
                <button type="button" class="quiet" onClick={() => set_asked(s)}>
                  {s.place ? w.place_change : w.place_set} <span class="unseen">{visible(s.name, 64)}</span>
                </button>
              )}
            </li>
          ))}
        </ul>
      </div>
      {sites.length > 0 && dots.length === 0 && <p class="muted">{w.map_none}</p>}
      {asked && (
        <PlaceForm
          of={asked}
          close={(acted) => {
            set_asked(null);
            if (acted) changed();
          }}
        />
      )}
    </Section>
  );
}
