// SPDX-License-Identifier: Apache-2.0
// types.ts - replies about people, as far as their pages read them.

export type Role = "viewer" | "submitter" | "admin";

export interface Membership {
  project: string;
  role: Role;
  max_live: number | null;
}

export interface MeWhole {
  name: string;
  role: Role;
  projects: string[];
  memberships?: Membership[];
  sites?: string[];
  by?: "session" | "token";
  scopes?: string[] | null;
  has_password?: boolean;
}

export interface Token {
  id: number;
  name: string;
  prefix: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
  scopes?: string[] | null;
  project?: string | null;
  user?: string;
}

export interface Session {
  id: number;
  created_at: string;
  seen_at: string;
  expires_at: string;
  address: string | null;
  agent: string | null;
  current: boolean;
}

export interface Identity {
  id: number;
  issuer: string;
  subject: string;
  made_at: string;
  used_at: string | null;
}

export interface Setting {
  name: string;
  value: string | null;
  default: string;
  source: string;
  where: string | null;
  secret: boolean;
  help: string;
}

export interface User {
  name: string;
  role: Role;
  projects: string[];
  memberships?: Membership[];
  sites?: string[];
  has_password?: boolean;
  created_at: string;
  disabled_at: string | null;
  seen_at?: string | null;
}

export interface Member {
  user: string;
  role: Role;
  max_live: number | null;
  live: number;
  added_by: string | null;
  added_at: string;
}

export interface Project {
  name: string;
  share: number;
  max_cpus: number | null;
  max_tasks: number | null;
  max_live?: number | null;
  usage: number;
  used: { cpus: number; tasks: number; live?: number };
  role?: Role | null;
  created_at: string;
  members?: Member[];
}

export interface Invitation {
  id: number;
  role: string;
  project: string | null;
  project_role: string | null;
  note: string | null;
  made_by: string;
  made_at: string;
  expires_at: string;
  used_at: string | null;
  used_by: string | null;
}

export interface AuditRow {
  seq: number;
  at: string;
  actor: string;
  action: string;
  object: string;
  detail: string | null;
  project?: string | null;
  site?: string | null;
}

export interface Subscription {
  id: number;
  name: string;
  way: "page" | "webhook" | "mail";
  target: string | null;
  kinds: string[];
  mine: boolean;
  project: string | null;
  job: number | null;
  site: string | null;
  confirmed: boolean;
  paused_at: string | null;
  paused_why: string | null;
  created_at: string;
  last_sent_at: string | null;
}

export interface NoticeItem {
  id: number;
  at: string;
  sentence: string;
  count: number;
  events: { seq: number; at: string; kind: string; job: number | null; job_name: string | null; site: string | null; text: string }[];
  read_at: string | null;
}

export interface Check {
  name: string;
  state: "ok" | "warn" | "failed";
  text: string;
  fix: string | null;
}

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}
