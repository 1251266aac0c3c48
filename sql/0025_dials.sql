-- SPDX-License-Identifier: Apache-2.0
-- How many connections to a site are begun at once, as its admin says.

alter table sites add column max_dials integer check (max_dials between 1 and 16);
comment on column sites.max_dials is 'Connections between dialing and greeting at once; null: the usual number.';
