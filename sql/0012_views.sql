-- SPDX-License-Identifier: Apache-2.0
-- Lists as people look at them, under a name.

create table views (
    user_id integer not null references users,
    name text not null,
    page text not null,
    query text not null,
    project_id integer references projects,
    primary key (user_id, name)
);
comment on table views is 'Views of lists that people saved: which list, and how it is filtered.';
comment on column views.user_id is 'Whose it is.';
comment on column views.name is 'What the owner calls it.';
comment on column views.page is 'Which list: jobs, data, ...';
comment on column views.query is 'What stands behind the ? of its address.';
comment on column views.project_id is 'The project whose members see it too; null: only the owner does.';
create index views_project on views (project_id);
comment on index views_project is 'store_views_list: what is shared with one''s projects.';
