-- SPDX-License-Identifier: Apache-2.0
-- Jobs with parameters.

create table templates (
    id bigserial primary key,
    user_id integer not null references users,
    project_id integer references projects,
    name text not null,
    description text not null,
    parameters json not null,
    job json not null,
    version integer not null default 1,
    made_at timestamptz not null default now(),
    changed_at timestamptz not null default now()
);
comment on table templates is 'Jobs with parameters that people keep, for themselves or for a project.';
comment on column templates.id is 'Number of the template.';
comment on column templates.user_id is 'Who made it.';
comment on column templates.project_id is 'The project whose members see it; null: its maker alone.';
comment on column templates.name is 'What it is called; once in a project, and once among what a user keeps alone.';
comment on column templates.description is 'What it is for.';
comment on column templates.parameters is 'Declarations of its parameters, in the form of docs/api.md.';
comment on column templates.job is 'A job as submitted, in which {{names}} stand for parameters.';
comment on column templates.version is 'How often it was written.';
comment on column templates.made_at is 'When it was first kept.';
comment on column templates.changed_at is 'When it was last written.';
create unique index templates_project on templates (project_id, name) where project_id is not null;
comment on index templates_project is 'store_templates_list: those of one''s projects; a name once in each.';
create unique index templates_own on templates (user_id, name) where project_id is null;
comment on index templates_own is 'store_templates_list: what one keeps alone; a name once.';
